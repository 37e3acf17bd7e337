using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Recipes.BuiltIn;
using ExpoCluster.Core.Samples;
using ExpoCluster.Core.Storage;
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
        var like = RecipeOptions.Text("--like", "RECIPE", "Lay the two out as that built-in recipe's published models: names, formats, files.");
        like.CompletionSources.Add(RecipeOptions.Names);
        var scale = RecipeOptions.Text("--scale", "F", "With --like: a fraction of the true widths, for example 0.02; 1 by default.");
        var command = new Command("sample", "Write a small pair of checkpoints, DIR/base and DIR/aligned, to try things on.");
        command.Arguments.Add(directory);
        command.Options.Add(size);
        command.Options.Add(dtype);
        command.Options.Add(maxShardSize);
        command.Options.Add(like);
        command.Options.Add(scale);
        command.SetAction(parsed => parsed.GetValue(like) is { } recipe
            ? RunLike(Faithful(parsed.GetValue(directory)!), recipe, parsed.GetValue(scale), Given(parsed, size, dtype, maxShardSize))
            : Run(Faithful(parsed.GetValue(directory)!), parsed.GetValue(size)!, parsed.GetValue(dtype)!, parsed.GetValue(maxShardSize), parsed.GetValue(scale)));
        return command;
    }

    /// <returns>The first of these options that stands in the command.</returns>
    private static string? Given(ParseResult parsed, params Option[] options) =>
        options.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false })?.Name;

    private static int RunLike(string directory, string name, string? scaleText, string? contradiction)
    {
        if (contradiction is not null)
        {
            throw Problem(
                contradiction,
                $"{contradiction} contradicts --like, which takes all that from the published model.",
                $"leave {contradiction} out; --scale makes the sample smaller.");
        }

        BuiltInRecipe recipe = BuiltInRecipes.Named(name);
        PublishedPair pair = PublishedPair.Find(recipe.Name)!;
        double scale = ReadScale(scaleText ?? "1");
        PublishedSample.WritePair(directory, pair, scale, Seed);
        Console.Out.WriteLine(Describe(Path.Join(directory, "base"), pair.Base, scale));
        Console.Out.WriteLine(Describe(Path.Join(directory, "aligned"), pair.Aligned, scale));
        AdviseMerge(directory, recipe.Alpha);
        return ExitCodes.Done;
    }

    private static string Describe(string path, PublishedModel model, double scale)
    {
        ImmutableArray<SampleTensor> tensors = model.Tensors(scale);
        string size = ByteSize.Format(tensors.Sum(tensor => tensor.ByteCount));
        return string.Create(
            CultureInfo.InvariantCulture, $"wrote {path} like {model.Repository}: {tensors.Length} tensors, {size} in {model.FileText}");
    }

    private static double ReadScale(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double scale) && scale is > 0 and <= 1
            ? scale
            : throw Problem("--scale", $"'{text}' is no fraction.", "give a number above 0, up to 1, for example --scale 0.02.");

    private static void AdviseMerge(string directory, double alpha)
    {
        string inputs = $"--base {Path.Join(directory, "base")} --aligned {Path.Join(directory, "aligned")}";
        Console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"merge them: expocluster merge {inputs} --alpha {alpha} --out {Path.Join(directory, "merged")}"));
    }

    private static int Run(string directory, string size, string dtypeName, string? maxShardSize, string? scale)
    {
        if (scale is not null)
        {
            throw Problem("--scale", "--scale shrinks a published model, and --like does not say which.", "add --like NAME, or use --size.");
        }

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
        AdviseMerge(directory, alpha: 0.3);
        return ExitCodes.Done;
    }

    private static string Faithful(string directory) => PathText.IsFaithful(directory) ? directory : throw PathText.Unfaithful(directory);

    private static long ReadSize(string option, string text) => ByteSize.TryParse(text, out long bytes) && bytes > 0
        ? bytes
        : throw Problem(option, $"'{text}' is no size.", $"give a size, for example {option} 2GB.");

    private static UsageException Problem(string path, string message, string advice) =>
        new(new RecipeProblem(WrongValue, path, message, advice));
}
