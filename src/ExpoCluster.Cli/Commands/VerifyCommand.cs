using System.CommandLine;
using System.Text.Json.Nodes;
using ExpoCluster.Cli.Display;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Verification;

namespace ExpoCluster.Cli.Commands;

/// <summary><c>expocluster verify</c>: re-reads a published output against its provenance.</summary>
internal static class VerifyCommand
{
    private const string Damaged = "EXPO3009";
    private const int MaxTensorsShown = 20;

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
        foreach (Damage damage in verification.Damage)
        {
            ErrorLines.Write(
                Console.Error, Damaged, Describe(damage), "restore the file from a copy, or merge again with --overwrite.");
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

    internal static string Describe(Damage damage)
    {
        string where = damage.Offset is { } offset ? $", bytes {offset} to {damage.EndOffset - 1}" : "";
        string more = damage.Tensors.Length > MaxTensorsShown ? $" and {damage.Tensors.Length - MaxTensorsShown} more" : "";
        string tensors = damage.Tensors.IsEmpty
            ? damage.Offset is null ? "" : " (in the header)"
            : $" (tensor{(damage.Tensors.Length == 1 ? "" : "s")} {string.Join(", ", damage.Tensors.Take(MaxTensorsShown))}{more})";
        return $"{damage.File}{where}{tensors}: {damage.Problem} (expected {damage.Expected}, found {damage.Found})";
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
            ["ok"] = verification.Damage.All(damage => damage.File != file.Name),
        })]),
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
            bool sound = verification.Damage.All(damage => damage.File != file.Name);
            Console.Out.WriteLine($"{(sound ? "ok     " : "DAMAGED")}  {file.Name}  {ByteSize.Format(file.Bytes)}{(file.Sha256 is null ? "" : "  sha256 " + file.Sha256)}");
        }

        Console.Out.WriteLine(verification.IsSound
            ? $"{directory} is what was written"
            : $"{directory} is damaged in {verification.Damage.Length} place{(verification.Damage.Length == 1 ? "" : "s")}");
    }
}
