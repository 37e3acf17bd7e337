using System.Collections.Immutable;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Core.SideFiles;

namespace ExpoCluster.Core.Planning;

/// <summary>Which of aligned's side files go along with a plan's weights, and what is changed in them so that they say what the output is.</summary>
internal static class OutputSideFiles
{
    // Of ModelOpt, AutoGPTQ and AutoAWQ: loaders that find them take the weights for quantised.
    private static readonly ImmutableArray<string> QuantisationFiles = ["hf_quant_config.json", "quantize_config.json", "quant_config.json"];

    /// <summary>Files whose content is looked at when a merge is planned.</summary>
    public static readonly ImmutableArray<string> LookedInto = [ConfigFacts.FileName, GenerationConfig.FileName, MistralParameters.FileName, .. QuantisationFiles];

    /// <summary>Those that go along.</summary>
    /// <param name="plan">Whose output it is.</param>
    /// <param name="selected">All of aligned's.</param>
    /// <param name="bounds">Where links of aligned's directory may lead; null for anywhere.</param>
    /// <exception cref="CheckpointException">A file cannot be read.</exception>
    public static ImmutableArray<SideFile> Of(Plan plan, ImmutableArray<SideFile> selected, CheckpointBounds? bounds) =>
        [.. selected.Where(file => !IsLeftOut(plan, file.RelativePath, () => SideFileSelection.Read(file, bounds)))];

    /// <summary>The content of a side file as it is published.</summary>
    /// <param name="plan">Whose output it is.</param>
    /// <param name="relativePath">Of the file.</param>
    /// <param name="content">As aligned has it.</param>
    /// <exception cref="CheckpointException"><c>config.json</c> is no JSON object.</exception>
    public static byte[] ContentOf(Plan plan, string relativePath, byte[] content) =>
        relativePath == ConfigFacts.FileName ? ConfigJson.Of(content, FactsOf(plan)).Content : content;

    /// <summary>What a user should know of one side file, one sentence each.</summary>
    /// <param name="plan">Whose output it is.</param>
    /// <param name="relativePath">Of the file.</param>
    /// <param name="content">As aligned has it.</param>
    /// <exception cref="CheckpointException"><c>config.json</c> is no JSON object.</exception>
    public static IEnumerable<string> NotesOn(Plan plan, string relativePath, byte[] content) => relativePath switch
    {
        ConfigFacts.FileName => ConfigJson.Of(content, FactsOf(plan)).Notes,
        GenerationConfig.FileName when GenerationConfig.NoteOn(content) is { } note => [note],
        MistralParameters.FileName when !WritesConsolidated(plan) && MistralParameters.IsOne(content) =>
            [$"{MistralParameters.FileName} is left out: it belongs to {CheckpointLocation.ConsolidatedFileName}, and the output has other weights files"],
        _ when QuantisationFiles.Contains(relativePath) && IsPlain(plan) => [$"{relativePath} is left out, for the output's weights are plain numbers"],
        _ => [],
    };

    /// <summary>True for a side file of aligned's that would mislead loaders of the output.</summary>
    /// <param name="plan">Whose output it is.</param>
    /// <param name="relativePath">Of the file.</param>
    /// <param name="read">Its content, asked for only where it decides.</param>
    public static bool IsLeftOut(Plan plan, string relativePath, Func<byte[]> read) =>
        (relativePath == MistralParameters.FileName && !WritesConsolidated(plan) && MistralParameters.IsOne(read()))
        || (QuantisationFiles.Contains(relativePath) && IsPlain(plan));

    private static bool WritesConsolidated(Plan plan) =>
        plan.Layout.Any(file => file.BaseName.StartsWith("consolidated", StringComparison.Ordinal));

    private static OutputFacts FactsOf(Plan plan) => new(
        WrittenDtypes.Of(plan.MainDtype, plan.Layout.SelectMany(file => file.Tensors).Select(tensor => tensor.Entry)),
        IsUntied: StoresUntiedHead(plan),
        IsPlain: IsPlain(plan));

    // A head that was extrapolated against base's embedding reads the same bytes of base as the embedding, and its own of aligned.
    private static bool StoresUntiedHead(Plan plan)
    {
        PlannedTensor[] extrapolated = [.. plan.Layout.SelectMany(file => file.Tensors).Where(tensor => tensor.Sources.Length > 1)];
        var byBase = extrapolated.ToLookup(tensor => (tensor.Sources[1].Input, tensor.Sources[1].Offset));
        return extrapolated.Where(tensor => TiedHeads.MayBeHead(tensor.Entry.Name)).Any(head => byBase[(head.Sources[1].Input, head.Sources[1].Offset)]
            .Any(other => other.Entry.Name != head.Entry.Name && (other.Sources[0].Input, other.Sources[0].Offset) != (head.Sources[0].Input, head.Sources[0].Offset)));
    }

    private static bool IsPlain(Plan plan) => !plan.Layout.SelectMany(file => file.Tensors).Any(tensor => QuantisedTensors.MayBeCodes(tensor.Entry.Name, tensor.Entry.Dtype, tensor.Entry.Shape));
}
