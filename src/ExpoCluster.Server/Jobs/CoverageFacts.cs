using ExpoCluster.Client.Jobs;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;

namespace ExpoCluster.Server.Jobs;

/// <summary>Coverage and warnings as the contract tells them.</summary>
public static class CoverageFacts
{
    private const int MaxKinds = 20;

    public static MergedBytes MergedOf(Coverage coverage) => new(coverage.MergedBytes, coverage.MergedShare);

    public static CopiedBytes CopiedOf(Coverage coverage) => new(
        coverage.CopiedBytes,
        coverage.CopiedShare,
        coverage.CopiedTensors,
        [.. coverage.Kinds.Take(MaxKinds).Select(kind => new CopiedTensors(kind.Pattern, kind.Tensors, kind.Bytes))],
        coverage.OtherBytes,
        coverage.OtherTensors);

    public static IReadOnlyList<MergeWarning> Of(IEnumerable<PlanWarning> warnings) => [.. warnings.Select(warning => new MergeWarning(warning.Code, warning.Message))];

    internal static MergedBytes? Of(ProvenanceMerged? merged) => merged is null ? null : new(merged.Bytes, merged.Share);

    internal static CopiedBytes? Of(ProvenanceCopied? copied) => copied is null ? null : new(
        copied.Bytes, copied.Share, copied.Tensors, [.. copied.Kinds.Select(kind => new CopiedTensors(kind.Pattern, kind.Tensors, kind.Bytes))], copied.OtherBytes, copied.OtherTensors);
}
