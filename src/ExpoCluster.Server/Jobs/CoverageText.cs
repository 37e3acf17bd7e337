using ExpoCluster.Client.Jobs;
using ExpoCluster.Core.Planning;

namespace ExpoCluster.Server.Jobs;

/// <summary>Coverage in one line, for people.</summary>
public static class CoverageText
{
    public static string Of(MergedBytes merged, CopiedBytes copied) => new Coverage(
        merged.Bytes,
        copied.Bytes,
        copied.Tensors,
        copied.OtherBytes,
        copied.OtherTensors,
        [.. copied.Kinds.Select(kind => new CopiedKind(kind.Pattern, kind.Tensors, kind.Bytes))]).ToString();
}
