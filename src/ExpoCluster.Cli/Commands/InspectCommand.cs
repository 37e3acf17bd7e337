using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using ExpoCluster.Cli.Display;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Dtypes;
using Spectre.Console;

namespace ExpoCluster.Cli.Commands;

/// <summary><c>expocluster inspect</c>: what is in a checkpoint or one weights file. Reads headers only.</summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        var reference = new Argument<string>("REF") { Description = "A checkpoint directory, one weights file, or hf:org/name[@revision]." };
        Option<string?> cache = HubOptions.CacheOption();
        var json = new Option<bool>("--json") { Description = "Print one JSON object, on standard output." };
        var command = new Command("inspect", "Show what is in a checkpoint or one weights file. Reads headers only.");
        command.Arguments.Add(reference);
        command.Options.Add(cache);
        command.Options.Add(json);
        command.SetAction(parsed => JsonErrors.Around(parsed.GetValue(json), () =>
        {
            HubOptions.UseCache(parsed.GetValue(cache));
            return Run(parsed.GetValue(reference)!, parsed.GetValue(json));
        }));
        return command;
    }

    private static int Run(string reference, bool json)
    {
        Checkpoint checkpoint = Checkpoint.Open(reference);
        if (json)
        {
            JsonOutput.Write(ToJson(checkpoint));
        }
        else
        {
            Show(checkpoint);
        }

        return ExitCodes.Done;
    }

    private static long Parameters(Checkpoint checkpoint) => checkpoint.Tensors.Values.Sum(tensor => tensor.ElementCount);

    private static IEnumerable<CheckpointTensor> InFileOrder(Checkpoint checkpoint) =>
        checkpoint.Tensors.Values.OrderBy(tensor => tensor.Shard).ThenBy(tensor => tensor.Offset).ThenBy(tensor => tensor.Name, StringComparer.Ordinal);

    private static JsonObject ToJson(Checkpoint checkpoint) => new()
    {
        ["reference"] = checkpoint.Reference,
        ["format"] = checkpoint.Shards[0].Header.Format,
        ["bytes"] = checkpoint.Shards.Sum(shard => shard.ByteLength),
        ["parameters"] = Parameters(checkpoint),
        ["nature"] = NatureText.ToJson(checkpoint),
        ["files"] = new JsonArray([.. checkpoint.Shards.Select(shard => (JsonNode)new JsonObject
        {
            ["name"] = shard.Name,
            ["path"] = shard.Path,
            ["bytes"] = shard.ByteLength,
            ["tensors"] = shard.TensorCount,
            ["metadata"] = new JsonObject(shard.Header.Metadata.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value))),
        })]),
        ["tensors"] = new JsonArray([.. InFileOrder(checkpoint).Select(tensor => (JsonNode)new JsonObject
        {
            ["name"] = tensor.Name,
            ["dtype"] = tensor.Dtype.Name(),
            ["shape"] = new JsonArray([.. tensor.Shape.Select(extent => (JsonNode)extent)]),
            ["bytes"] = tensor.ByteCount,
            ["file"] = checkpoint.Shards[tensor.Shard].Name,
            ["data_offsets"] = DataOffsets(checkpoint, tensor),
        })]),
        ["notes"] = JsonOutput.Strings(checkpoint.Notes),
    };

    private static JsonArray DataOffsets(Checkpoint checkpoint, CheckpointTensor tensor)
    {
        long begin = tensor.Offset - checkpoint.Shards[tensor.Shard].Header.DataStart;
        return new JsonArray(begin, begin + tensor.ByteCount);
    }

    private static void Show(Checkpoint checkpoint)
    {
        IAnsiConsole console = Terminal.Tables;
        Console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{checkpoint.Reference}: {checkpoint.Tensors.Count} tensors, {Parameters(checkpoint):N0} parameters, {ByteSize.Format(checkpoint.Shards.Sum(shard => shard.ByteLength))} in {checkpoint.Shards.Length} {checkpoint.Shards[0].Header.Format} file{(checkpoint.Shards.Length == 1 ? "" : "s")}"));
        foreach (string line in NatureText.Lines(checkpoint))
        {
            Console.Out.WriteLine(line);
        }

        Table table = new Table().Border(TableBorder.Simple).AddColumn("tensor").AddColumn("dtype").AddColumn("shape")
            .AddColumn("bytes", column => column.RightAligned());
        if (checkpoint.Shards.Length > 1)
        {
            table.AddColumn("file");
        }

        foreach (CheckpointTensor tensor in InFileOrder(checkpoint))
        {
            Text[] cells =
            [
                Cell.Of(tensor.Name),
                Cell.Of(tensor.Dtype.Name()),
                Cell.Of(tensor.ShapeText),
                Cell.Of(tensor.ByteCount.ToString("N0", CultureInfo.InvariantCulture)),
                Cell.Of(checkpoint.Shards[tensor.Shard].Name),
            ];
            table.AddRow(checkpoint.Shards.Length > 1 ? cells : cells[..4]);
        }

        console.Write(table);
        foreach (string note in checkpoint.Notes)
        {
            Console.Out.WriteLine("note: " + note);
        }
    }
}
