using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Checkpoints.Understanding;

namespace ExpoCluster.Core.Planning;

/// <summary>What the weights files of an output and their index are called, so that the loader which finds aligned finds the output too.</summary>
internal static partial class OutputNames
{
    /// <summary>Loaders of transformers look for it, and most others.</summary>
    public const string DefaultStem = "model";

    private const string ConsolidatedStem = "consolidated";
    private const string DiffusionStem = "diffusion_pytorch_model";
    private const string Ending = ".safetensors";

    // Configurations that say nothing of the weights, beside those of any loader.
    private static readonly ImmutableArray<string> OfAnyLoader =
        ["generation_config.json", "preprocessor_config.json", "processor_config.json", "tokenizer_config.json", "video_preprocessor_config.json", "feature_extractor_config.json", AdapterFacts.ConfigFileName];

    /// <summary>What the names of all files begin with.</summary>
    /// <param name="aligned">Whose loader is meant.</param>
    public static string StemOf(Checkpoint aligned) =>
        StemOf(aligned.EntryFileName) is { } stem && IsKept(stem, aligned) ? stem : DefaultStem;

    /// <summary>The name of one file.</summary>
    /// <param name="stem">What it begins with.</param>
    /// <param name="index">Counts from 0, the name from 1.</param>
    /// <param name="count">Of all files.</param>
    public static string FileName(string stem, int index, int count) => count == 1
        ? stem + Ending
        : string.Create(CultureInfo.InvariantCulture, $"{stem}-{index + 1:00000}-of-{count:00000}{Ending}");

    /// <summary>The name of the index that leads to these files.</summary>
    /// <param name="fileNames">Without folders.</param>
    public static string IndexName(IEnumerable<string> fileNames)
    {
        string?[] stems = [.. fileNames.Select(name => ShardName().Match(name) is { Success: true } match ? match.Groups["stem"].Value + match.Groups["variant"].Value : null).Distinct()];
        return stems is [{ } stem] ? IndexOf(stem) : CheckpointLocation.IndexFileName;
    }

    /// <summary>All are numbered pieces of one name.</summary>
    /// <param name="fileNames">Of aligned.</param>
    /// <param name="stem">That the output keeps.</param>
    public static bool AreShardsOf(IEnumerable<string> fileNames, string stem) => fileNames.All(name =>
        ShardName().Match(name) is { Success: true } match && match.Groups["stem"].Value + match.Groups["variant"].Value == stem);

    // diffusers has the variant in another place of the index's name than in those of the files.
    private static string IndexOf(string stem) => stem.StartsWith(DiffusionStem + ".", StringComparison.Ordinal)
        ? $"{DiffusionStem}{Ending}.index{stem[DiffusionStem.Length..]}.json"
        : stem + Ending + ".index.json";

    private static string? StemOf(string entryFileName) =>
        Index().Match(entryFileName) is { Success: true } index ? index.Groups["stem"].Value + index.Groups["variant"].Value
        : ShardName().Match(entryFileName) is { Success: true } shard ? shard.Groups["stem"].Value + shard.Groups["variant"].Value
        : entryFileName.EndsWith(Ending, StringComparison.Ordinal) ? entryFileName[..^Ending.Length]
        : null;

    private static bool IsKept(string stem, Checkpoint aligned) => Plain().IsMatch(stem) && stem.Split('.')[0] switch
    {
        DefaultStem => false,
        ConsolidatedStem or DiffusionStem => true,
        _ => aligned.Folder.HoldsModel && IsOfAnotherLoader(aligned),
    };

    // transformers says what a model is by these keys, whatever else the file holds.
    private static bool IsOfAnotherLoader(Checkpoint aligned)
    {
        ConfigFacts config = aligned.Nature.Config;
        return config.IsEmpty
            ? aligned.Folder.FileNames.Any(name => name.EndsWith("_config.json", StringComparison.Ordinal) && !OfAnyLoader.Contains(name))
            : config.Text("model_type") is null && config.Find("architectures") is not { Kind: JsonValueKind.Array };
    }

    // What a shell, an URL and every file system take, with room for numbers behind it.
    [GeneratedRegex(@"^\w[\w.+-]{0,199}$", RegexOptions.ECMAScript)]
    private static partial Regex Plain();

    [GeneratedRegex(@"^(?<stem>.+?)\.safetensors(?<variant>(?:\.[\w-]+)?)\.index(?:\.json|(?<variant>\.[\w-]+)\.json)$", RegexOptions.ExplicitCapture)]
    private static partial Regex Index();

    [GeneratedRegex(@"^(?<stem>.+)-\d{5}-of-\d{5}(?<variant>(?:\.[\w-]+)?)\.safetensors$", RegexOptions.ExplicitCapture)]
    private static partial Regex ShardName();
}
