using System.Collections.Immutable;
using System.Text.Json;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Planning;

/// <summary>What is worth knowing of the files that go along with the weights.</summary>
internal static class SideFileNotes
{
    private const string GenerationConfig = "generation_config.json";

    private const int MaxBytes = 1 << 20;

    // With their values where nobody has set them.
    private static readonly (string Key, string Default)[] OfSampling =
        [("temperature", "1.0"), ("top_p", "1.0"), ("top_k", "50"), ("min_p", ""), ("typical_p", "1.0"), ("epsilon_cutoff", "0.0"), ("eta_cutoff", "0.0")];

    /// <summary>One sentence each.</summary>
    /// <param name="aligned">Whose files go along.</param>
    /// <param name="planned">The output's tensors.</param>
    /// <param name="sideFiles">Those that are on this machine.</param>
    public static IEnumerable<string> Of(Checkpoint aligned, ImmutableArray<PlannedTensor> planned, ImmutableArray<SideFile> sideFiles)
    {
        if (ConfigChanges.IsUntiedIn(planned) && aligned.Nature.Heads.IsTied == true)
        {
            yield return $"config.json: {TiedHeads.Key} is set to false, for the output has a head of its own";
        }

        string[] unsaved = [.. IdleWords(ConfigFacts.Parse(aligned.Folder.ReadBeside(GenerationConfig, MaxBytes)) ?? ConfigFacts.None)];
        if (unsaved.Length > 0)
        {
            yield return $"{GenerationConfig} is copied as it is, but transformers refuses to save it again: do_sample is not true, and yet it has {string.Join(", ", unsaved)}";
        }

        string[] modules = [.. sideFiles.Where(file => file.RelativePath.Contains('/', StringComparison.Ordinal) && SideFileSelection.IsWeights(Path.GetFileName(file.RelativePath))).Select(file => file.RelativePath)];
        if (modules.Length > 0)
        {
            yield return $"weights of modules are copied from aligned, not computed: {Printable.Some(modules, 5)}";
        }
    }

    private static IEnumerable<string> IdleWords(ConfigFacts config) => config.Find("do_sample")?.Kind == JsonValueKind.True
        ? []
        : OfSampling.Where(word => config.Find(word.Key) is { Kind: JsonValueKind.Number } value && !IsDefault(value.Text, word.Default)).Select(word => word.Key);

    private static bool IsDefault(string text, string usual) => text == usual || text + ".0" == usual || text == usual + ".0";
}
