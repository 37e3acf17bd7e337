using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Samples;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Cli.Commands;

/// <summary><c>expocluster sample</c>: a small pair of checkpoints to try things on.</summary>
internal static class SampleCommand
{
    private const string WrongValue = "EXPO2088";
    private const ulong Seed = 20240416;
    private const long DefaultShardBytes = 5_000_000_000;

    public static Command Create()
    {
        var directory = new Argument<string>("DIR") { Description = "Gets DIR/base and DIR/aligned." };
        var size = new Option<string>("--size") { HelpName = "SIZE", Description = "Of each of the two.", DefaultValueFactory = _ => "64MB" };
        var dtype = new Option<string>("--dtype") { HelpName = "bf16|f16|f32", Description = "Of the weights.", DefaultValueFactory = _ => "bf16" };
        var maxShardSize = RecipeOptions.Text("--max-shard-size", "SIZE", "The largest file; 5GB by default.");
        var command = new Command("sample", "Write a small pair of checkpoints, DIR/base and DIR/aligned, to try things on.");
        command.Arguments.Add(directory);
        command.Options.Add(size);
        command.Options.Add(dtype);
        command.Options.Add(maxShardSize);
        command.SetAction(parsed => Run(
            parsed.GetValue(directory)!, parsed.GetValue(size)!, parsed.GetValue(dtype)!, parsed.GetValue(maxShardSize)));
        return command;
    }

    private static int Run(string directory, string size, string dtypeName, string? maxShardSize)
    {
        long bytes = ReadSize("--size", size);
        long shardBytes = maxShardSize is null ? DefaultShardBytes : ReadSize("--max-shard-size", maxShardSize);
        Dtype dtype = dtypeName switch
        {
            "bf16" => Dtype.BF16,
            "f16" => Dtype.F16,
            "f32" => Dtype.F32,
            _ => throw Problem("--dtype", $"'{dtypeName}' is no dtype of samples.", "give bf16, f16 or f32."),
        };
        ImmutableArray<SampleTensor> tensors = SampleCheckpoint.LlamaLike(bytes, dtype);
        SampleCheckpoint.WritePair(directory, tensors, Seed, shardBytes);
        string basePath = Path.Join(directory, "base");
        string alignedPath = Path.Join(directory, "aligned");
        Console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"wrote {basePath} and {alignedPath}: {tensors.Length} {dtype.Name()} tensors, {ByteSize.Format(bytes)} each"));
        Console.Out.WriteLine($"merge them: expocluster merge --base {basePath} --aligned {alignedPath} --alpha 0.3 --out {Path.Join(directory, "merged")}");
        return ExitCodes.Done;
    }

    private static long ReadSize(string option, string text) => ByteSize.TryParse(text, out long bytes) && bytes > 0
        ? bytes
        : throw Problem(option, $"'{text}' is no size.", $"give a size, for example {option} 2GB.");

    private static UsageException Problem(string path, string message, string advice) =>
        new(new RecipeProblem(WrongValue, path, message, advice));
}
