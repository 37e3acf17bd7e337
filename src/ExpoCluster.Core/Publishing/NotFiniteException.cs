using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Publishing;

/// <summary>A strict merge ends before it publishes a model with results that are NaN or infinite.</summary>
public sealed class NotFiniteException(NotFiniteTensors tensors)
    : ExpoException(
        ErrorCode,
        $"results are NaN or infinite in {tensors.Describe()}. This is an error because the merge is strict.",
        "look at these tensors in the inputs; --dtype bf16 or f32 holds larger values than f16. Nothing was published; --restart begins anew.")
{
    private const string ErrorCode = "EXPO1230";
}
