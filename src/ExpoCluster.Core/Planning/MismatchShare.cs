using System.Collections.Immutable;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Planning;

/// <summary>How much of a model does not fit the other.</summary>
internal static class MismatchShare
{
    /// <summary>Of the bytes of numbers that are computed with, those of tensors that could only be taken or left out: 0 to 1, of the worse side.</summary>
    public static double Of(ImmutableArray<PlanProblem> problems, Checkpoint baseCheckpoint, Checkpoint aligned)
    {
        HashSet<string> names = [.. problems.Where(problem => problem.Remedy == PlanRemedy.TakeOrDrop).Select(problem => problem.Tensor)];
        return Math.Max(Of(names, baseCheckpoint), Of(names, aligned));
    }

    /// <summary>Of the bytes of numbers that are computed with, those of the named tensors: 0 to 1.</summary>
    public static double Of(HashSet<string> names, Checkpoint checkpoint)
    {
        long all = 0;
        long concerned = 0;
        foreach (CheckpointTensor tensor in checkpoint.Tensors.Values.Where(tensor => tensor.Dtype.IsArithmetic()))
        {
            all += tensor.ByteCount;
            concerned += names.Contains(tensor.Name) ? tensor.ByteCount : 0;
        }

        return all == 0 ? 0 : (double)concerned / all;
    }
}
