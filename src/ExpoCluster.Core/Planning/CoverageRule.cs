using System.Collections.Immutable;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Planning;

/// <summary>How much of a model a word that holds for all tensors may leave uncomputed. Who names tensors means them.</summary>
internal static class CoverageRule
{
    /// <summary>Of the floating-point bytes of either side, and of integers that differ between the two.</summary>
    private const double MaxUncomputed = PlanRemedies.MostUncomputed;

    /// <exception cref="PlanningException">The recipe's word for all tensors would copy or drop too much, or nothing is computed at all.</exception>
    public static void Check(Recipe recipe, Checkpoint baseCheckpoint, Checkpoint aligned, ImmutableArray<PlannedTensor> planned, PlanningWork work)
    {
        CheckAligned(recipe, baseCheckpoint, aligned, planned, work);
        CheckBase(recipe, baseCheckpoint, aligned, work);
        if (planned.All(tensor => !tensor.IsMerged))
        {
            CheckAnything(recipe, baseCheckpoint, aligned, work);
        }
    }

    /// <summary>It may be a weight, whatever its dtype: no buffer and no mask.</summary>
    internal static bool Counts(CheckpointTensor tensor) => tensor.Dtype != Dtype.Bool && !DerivedBuffers.Includes(tensor);

    // Two checkpoints of integers alone are alike in nothing that could be computed.
    private static void CheckAnything(Recipe recipe, Checkpoint baseCheckpoint, Checkpoint aligned, PlanningWork work)
    {
        CheckpointTensor[] held = [.. aligned.Tensors.Values.Where(tensor => tensor.ByteCount > 0 && Counts(tensor) && !recipe.OnMismatch.IsNamed(tensor.Name, work))];
        if (held.Any(tensor => !Coverage.IsFloating(tensor.Dtype) && !IsAlike(aligned, tensor, baseCheckpoint, work)))
        {
            throw new PlanningException([PlanProblem.NothingIsComputed(held, Coverage.KindsOf(held.Select(tensor => (tensor.Name, tensor.ByteCount))))]);
        }
    }

    // What only base has is left out. A head that aligned ties is not: its embedding stands for it.
    private static void CheckBase(Recipe recipe, Checkpoint baseCheckpoint, Checkpoint aligned, PlanningWork work)
    {
        var sum = new Sum();
        foreach (CheckpointTensor tensor in baseCheckpoint.Tensors.Values.Where(Counts))
        {
            bool isLeft = !aligned.Tensors.ContainsKey(tensor.Name)
                && aligned.Nature.Heads.StandingFor(tensor.Name) is null && !recipe.OnMismatch.IsNamed(tensor.Name, work);
            sum.Add(tensor, isLeft ? tensor.ByteCount : 0);
        }

        sum.Demand("base");
    }

    private static void CheckAligned(Recipe recipe, Checkpoint baseCheckpoint, Checkpoint aligned, ImmutableArray<PlannedTensor> planned, PlanningWork work)
    {
        Dictionary<string, PlannedTensor> byName = planned.ToDictionary(tensor => tensor.Entry.Name, StringComparer.Ordinal);
        var sum = new Sum();
        foreach (CheckpointTensor tensor in aligned.Tensors.Values.Where(Counts))
        {
            long bytes = Uncomputed(tensor, byName.GetValueOrDefault(tensor.Name));
            bool isLeft = bytes > 0 && !recipe.OnMismatch.IsNamed(tensor.Name, work)
                && (Coverage.IsFloating(tensor.Dtype) || !IsAlike(aligned, tensor, baseCheckpoint, work));
            sum.Add(tensor, isLeft ? bytes : 0);
        }

        sum.Demand("aligned");
    }

    // Integers that both sides have alike are copied without a word; others hold what is not computed.
    private static bool IsAlike(Checkpoint aligned, CheckpointTensor tensor, Checkpoint baseCheckpoint, PlanningWork work)
    {
        work.Continue();
        return baseCheckpoint.Tensors.GetValueOrDefault(tensor.Name) is { } other && CopiedTensorComparison.AreAlike(aligned, tensor, baseCheckpoint, other, work);
    }

    // What base has too, byte for byte, is what the formula would give; and rows that base has not are copied by a word that says so.
    private static long Uncomputed(CheckpointTensor tensor, PlannedTensor? planned) => planned switch
    {
        null or { Rule: TensorRule.Copy } => tensor.ByteCount,
        _ => 0,
    };

    /// <summary>What is left of one side.</summary>
    private sealed class Sum
    {
        private readonly List<(string Name, long Bytes)> left = [];
        private long all;
        private bool hasIntegers;

        /// <param name="tensor">One of the side.</param>
        /// <param name="uncomputed">Bytes of it that a word for all tensors leaves uncomputed.</param>
        public void Add(CheckpointTensor tensor, long uncomputed)
        {
            bool isFloating = Coverage.IsFloating(tensor.Dtype);
            all += isFloating || uncomputed > 0 ? tensor.ByteCount : 0;
            if (uncomputed > 0)
            {
                left.Add((tensor.Name, uncomputed));
                hasIntegers |= !isFloating;
            }
        }

        public void Demand(string side)
        {
            long uncomputed = left.Sum(row => row.Bytes);
            if (uncomputed > MaxUncomputed * all)
            {
                throw new PlanningException([PlanProblem.TooLittleIsComputed(uncomputed, all, side, Coverage.KindsOf(left), hasIntegers)]);
            }
        }
    }
}
