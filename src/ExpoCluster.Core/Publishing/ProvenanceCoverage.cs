using System.Collections.Immutable;
using ExpoCluster.Core.Planning;

namespace ExpoCluster.Core.Publishing;

/// <summary>What was computed of an output.</summary>
/// <param name="Bytes">Floating-point bytes.</param>
/// <param name="Share">Of all floating-point bytes, 0 to 1.</param>
public sealed record ProvenanceMerged(long Bytes, double Share)
{
    internal static ProvenanceMerged Of(Coverage coverage) => new(coverage.MergedBytes, coverage.MergedShare);
}

/// <summary>What was copied from aligned.</summary>
/// <param name="Bytes">Floating-point bytes.</param>
/// <param name="Share">Of all floating-point bytes, 0 to 1.</param>
/// <param name="Tensors">Floating-point tensors, whole or in part.</param>
/// <param name="Kinds">The largest kinds of these, with a star for each number in their names.</param>
/// <param name="OtherBytes">Bytes of integers and booleans, which are never computed.</param>
/// <param name="OtherTensors">How many tensors these are.</param>
public sealed record ProvenanceCopied(long Bytes, double Share, int Tensors, ImmutableArray<CopiedKind> Kinds, long OtherBytes, int OtherTensors)
{
    private const int MaxKinds = 20;

    internal static ProvenanceCopied Of(Coverage coverage) =>
        new(coverage.CopiedBytes, coverage.CopiedShare, coverage.CopiedTensors, [.. coverage.Kinds.Take(MaxKinds)], coverage.OtherBytes, coverage.OtherTensors);
}
