using System.Collections.Immutable;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Planning;

/// <summary>How much of a model does not fit the other.</summary>
internal static class MismatchShare
{
    /// <summary>
    /// Of a model's bytes, those of tensors that could only be taken or left out: 0 to 1, of the worse side. Integers count where the problems are about them,
    /// for then they are no buffers that both sides have alike.
    /// </summary>
    public static double Of(ImmutableArray<PlanProblem> problems, Checkpoint baseCheckpoint, Checkpoint aligned)
    {
        HashSet<string> names = [.. problems.Where(problem => problem.Remedy is PlanRemedy.TakeOrDrop or PlanRemedy.PlainNumbers).Select(problem => problem.Tensor)];
        return Math.Max(Of(names, baseCheckpoint), Of(names, aligned));
    }

    /// <summary>Of the bytes of numbers that are computed with, and of those of the named tensors, these: 0 to 1.</summary>
    public static double Of(HashSet<string> names, Checkpoint checkpoint)
    {
        long all = 0;
        long concerned = 0;
        foreach (CheckpointTensor tensor in checkpoint.Tensors.Values)
        {
            bool isConcerned = names.Contains(tensor.Name) && (tensor.Dtype.IsArithmetic() || CoverageRule.Counts(tensor));
            all += isConcerned || tensor.Dtype.IsArithmetic() ? tensor.ByteCount : 0;
            concerned += isConcerned ? tensor.ByteCount : 0;
        }

        return all == 0 ? 0 : (double)concerned / all;
    }
}
