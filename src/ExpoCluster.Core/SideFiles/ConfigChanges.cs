using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Core.SideFiles;

/// <summary>What <c>config.json</c> must say otherwise than aligned's, for the output is otherwise.</summary>
/// <param name="Dtype">Of the output; null where it has no floating-point tensor.</param>
/// <param name="IsOneDtype">Everything that is computed was written in it, so it holds for parts of the model as well.</param>
/// <param name="IsUntied">The output has a head of its own where aligned's configuration may tie it to the embedding.</param>
/// <param name="IsPlain">The output holds no quantised weights.</param>
internal sealed record ConfigChanges(Dtype? Dtype, bool IsOneDtype, bool IsUntied, bool IsPlain)
{
    public static ConfigChanges Of(Plan plan, Recipe recipe)
    {
        PlannedTensor[] tensors = [.. plan.Layout.SelectMany(file => file.Tensors)];
        return new ConfigChanges(
            plan.MainDtype,
            recipe.OutputDtype is not null || recipe.Numerics == Numerics.Official,
            IsUntiedIn(tensors),
            !tensors.Any(tensor => QuantisedTensors.MayBeCodes(AsOutput(tensor))));
    }

    /// <summary>Two tensors of the output were extrapolated against one of base's: its embedding, which is its head as well.</summary>
    internal static bool IsUntiedIn(IEnumerable<PlannedTensor> tensors)
    {
        var seen = new HashSet<(int Input, long Offset)>();
        return tensors.Where(tensor => tensor is { Action: TensorAction.Extrapolate, Entry.ByteCount: > 0, Base: not null })
            .Any(tensor => !seen.Add((tensor.Base!.Input, tensor.Base.Offset)));
    }

    private static CheckpointTensor AsOutput(PlannedTensor tensor) => new(tensor.Entry.Name, tensor.Entry.Dtype, tensor.Entry.Shape, 0, 0, 0, 0);
}
