using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using ExpoCluster.Cli.Display;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Verification;
using ExpoCluster.Tensors;

namespace ExpoCluster.Cli.Commands;

/// <summary><c>expocluster verify</c>: re-reads a published output against its provenance.</summary>
internal static class VerifyCommand
{
    private const string Damaged = "EXPO3009";
    private const string Advice = "restore the file from a copy, or merge again with --overwrite.";
    private const int MaxTensorsShown = 20;
    private const int MaxDamageShown = 5;
    private const int MaxNamesShown = 12;

    public static Command Create()
    {
        var directory = new Argument<string>("DIR") { Description = "A published output." };
        var sha256 = new Option<bool>("--sha256") { Description = "Also compute SHA-256 of each whole file." };
        var json = new Option<bool>("--json") { Description = "Print one JSON object, on standard output." };
        var command = new Command("verify", "Read a published output back and compare it with its provenance.");
        command.Arguments.Add(directory);
        command.Options.Add(sha256);
        command.Options.Add(json);
        command.SetAction((parsed, cancellation) => Task.FromResult(JsonErrors.Around(
            parsed.GetValue(json),
            () => Run(parsed.GetValue(directory)!, parsed.GetValue(sha256), parsed.GetValue(json), cancellation))));
        return command;
    }

    private static int Run(string directory, bool sha256, bool json, CancellationToken cancellation)
    {
        Verification verification = OutputVerifier.Verify(directory, sha256, cancellation: cancellation);
        foreach (IGrouping<string, Damage> kind in verification.Damage.GroupBy(damage => damage.Problem))
        {
            Report([.. kind]);
        }

        if (json)
        {
            JsonOutput.Write(ToJson(verification));
        }
        else
        {
            Show(directory, verification);
        }

        return verification.IsSound ? ExitCodes.Done : ExitCodes.Failed;
    }

    // Whoever has thousands of damaged blocks needs to know that, and not each of them; JSON has them all.
    private static void Report(Damage[] ofOneKind)
    {
        int shown = ofOneKind.Length > MaxDamageShown ? MaxDamageShown - 1 : ofOneKind.Length;
        foreach (Damage damage in ofOneKind.Take(shown))
        {
            ErrorLines.Write(Console.Error, Damaged, Describe(damage), Advice);
        }

        if (shown < ofOneKind.Length)
        {
            string[] files = [.. ofOneKind.Skip(shown).Select(damage => damage.File).Distinct(StringComparer.Ordinal)];
            ErrorLines.Write(
                Console.Error,
                Damaged,
                string.Create(CultureInfo.InvariantCulture, $"the same at {ofOneKind.Length - shown} more places: {ofOneKind[0].Problem} ({Printable.Some(files, MaxNamesShown)})"),
                Advice);
        }
    }

    internal static string Describe(Damage damage)
    {
        string where = damage.Offset is { } offset ? $", bytes {offset} to {damage.EndOffset - 1}" : "";
        string tensors = damage.Tensors.IsEmpty
            ? damage.Offset is null ? "" : " (in the header)"
            : $" (tensor{(damage.Tensors.Length == 1 ? "" : "s")} {Printable.Some(damage.Tensors, MaxTensorsShown)})";
        return $"{Printable.Of(damage.File)}{where}{tensors}: {damage.Problem} (expected {Printable.Of(damage.Expected)}, found {Printable.Of(damage.Found)})";
    }

    private static JsonObject ToJson(Verification verification) => new()
    {
        ["status"] = verification.IsSound ? "ok" : "damaged",
        ["files"] = new JsonArray([.. verification.Files.Select(file => (JsonNode)new JsonObject
        {
            ["name"] = file.Name,
            ["bytes"] = file.Bytes,
            ["digest"] = file.Digest,
            ["sha256"] = file.Sha256,
            ["ok"] = verification.IsProved(file),
        })]),
        ["bytesProved"] = verification.ProvedBytes,
        ["unproved"] = JsonOutput.Strings(verification.Unproved),
        ["unrecorded"] = JsonOutput.Strings(verification.Unrecorded),
        ["damage"] = new JsonArray([.. verification.Damage.Select(damage => (JsonNode)new JsonObject
        {
            ["file"] = damage.File,
            ["offset"] = damage.Offset,
            ["endOffset"] = damage.EndOffset,
            ["tensor"] = damage.Tensors.FirstOrDefault(),
            ["tensors"] = JsonOutput.Strings(damage.Tensors),
            ["problem"] = damage.Problem,
            ["expected"] = damage.Expected,
            ["found"] = damage.Found,
        })]),
    };

    private static void Show(string directory, Verification verification)
    {
        foreach (VerifiedFile file in verification.Files)
        {
            string sha256 = file.Sha256 is null ? "" : "  sha256 " + file.Sha256;
            Console.Out.WriteLine($"{(verification.IsProved(file) ? "ok     " : "DAMAGED")}  {Printable.Of(file.Name)}  {ByteSize.Format(file.Bytes)}{sha256}");
        }

        Console.Out.WriteLine(verification.IsSound
            ? $"{directory} is what was written"
            : $"{directory} is damaged in {verification.Damage.Length} place{(verification.Damage.Length == 1 ? "" : "s")}");
        int proved = verification.Files.Count(verification.IsProved);
        Console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"proved: {verification.ProvedBytes:N0} bytes of weights in {proved} file{(proved == 1 ? "" : "s")}, against the digests of the record beside them"));
        ShowNames("not proved, for the record has no digests of side files", verification.Unproved);
        ShowNames("not of this merge, and not looked at", verification.Unrecorded);
    }

    private static void ShowNames(string what, ImmutableArray<string> names)
    {
        if (!names.IsEmpty)
        {
            Console.Out.WriteLine($"{what}: {Printable.Some(names, MaxNamesShown)}");
        }
    }
}
