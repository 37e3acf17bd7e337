using System.Collections.Immutable;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Core.Planning;

/// <summary>How much of a model a word that holds for all tensors may leave uncomputed. Who names tensors means them.</summary>
internal static class CoverageRule
{
    /// <summary>Of the floating-point bytes of either side.</summary>
    private const double MaxUncomputed = PlanRemedies.MostUncomputed;

    /// <exception cref="PlanningException">The recipe's word for all tensors would copy or drop too much.</exception>
    public static void Check(Recipe recipe, Checkpoint baseCheckpoint, Checkpoint aligned, ImmutableArray<PlannedTensor> planned, PlanningWork work)
    {
        CheckAligned(recipe, aligned, planned, work);
        CheckBase(recipe, baseCheckpoint, aligned, work);
    }

    // What only base has is left out. A head that aligned ties is not: its embedding stands for it.
    private static void CheckBase(Recipe recipe, Checkpoint baseCheckpoint, Checkpoint aligned, PlanningWork work)
    {
        CheckpointTensor[] numbers = [.. baseCheckpoint.Tensors.Values.Where(tensor => Coverage.IsFloating(tensor.Dtype) && !DerivedBuffers.Includes(tensor))];
        (string Name, long Bytes)[] left =
        [
            .. numbers.Where(tensor => !aligned.Tensors.ContainsKey(tensor.Name)
                    && aligned.Nature.Heads.StandingFor(tensor.Name) is null && !recipe.OnMismatch.IsNamed(tensor.Name, work))
                .Select(tensor => (tensor.Name, tensor.ByteCount)),
        ];
        Demand(left, numbers.Sum(tensor => tensor.ByteCount), "base");
    }

    private static void CheckAligned(Recipe recipe, Checkpoint aligned, ImmutableArray<PlannedTensor> planned, PlanningWork work)
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

        Demand(left, all, "aligned");
    }

    private static void Demand(IReadOnlyCollection<(string Name, long Bytes)> left, long all, string side)
    {
        long uncomputed = left.Sum(row => row.Bytes);
        if (uncomputed > MaxUncomputed * all)
        {
            throw new PlanningException([PlanProblem.TooLittleIsComputed(uncomputed, all, side, Coverage.KindsOf(left))]);
        }
    }

    // What base has too, byte for byte, is what the formula would give; and rows that base has not are copied by a word that says so.
    private static long Uncomputed(CheckpointTensor tensor, PlannedTensor? planned) => planned switch
    {
        null or { Action: TensorAction.CopyAligned } => tensor.ByteCount,
        _ => 0,
    };
}
