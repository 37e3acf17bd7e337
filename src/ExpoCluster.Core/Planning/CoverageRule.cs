using System.Collections.Immutable;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Core.Planning;

/// <summary>How much of a model a word that holds for all tensors may leave uncomputed. Who names tensors means them.</summary>
internal static class CoverageRule
{
    /// <summary>Of aligned's floating-point bytes.</summary>
    private const double MaxUncomputed = 0.1;

    /// <exception cref="PlanningException">The recipe's word for all tensors would copy or drop too much.</exception>
    public static void Check(Recipe recipe, Checkpoint aligned, ImmutableArray<PlannedTensor> planned, PlanningWork work)
    {
        Dictionary<string, PlannedTensor> byName = planned.ToDictionary(tensor => tensor.Entry.Name, StringComparer.Ordinal);
        long all = 0;
        var left = new List<(string Name, long Bytes)>();
        foreach (CheckpointTensor tensor in aligned.Tensors.Values.Where(tensor => Coverage.IsFloating(tensor.Dtype) && !DerivedBuffers.Includes(tensor)))
        {
            all += tensor.ByteCount;
            long bytes = Uncomputed(tensor, byName.GetValueOrDefault(tensor.Name));
            if (bytes > 0 && !recipe.OnMismatch.IsNamed(tensor.Name, work))
            {
                left.Add((tensor.Name, bytes));
            }
        }

        long uncomputed = left.Sum(row => row.Bytes);
        if (uncomputed > MaxUncomputed * all)
        {
            throw new PlanningException([PlanProblem.TooLittleIsComputed(uncomputed, all, Coverage.KindsOf(left))]);
        }
    }

    // What base has too, byte for byte, is what the formula would give; and rows that base has not are copied by a word that says so.
    private static long Uncomputed(CheckpointTensor tensor, PlannedTensor? planned) => planned switch
    {
        null or { Action: TensorAction.CopyAligned } => tensor.ByteCount,
        _ => 0,
    };
}
