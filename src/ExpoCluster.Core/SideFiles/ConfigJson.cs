using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.SideFiles;

/// <summary>Changes to <c>config.json</c> that leave every other byte alone.</summary>
public static class ConfigJson
{
    /// <summary>Sets the top-level <c>dtype</c> and <c>torch_dtype</c>, as far as they are there.</summary>
    /// <exception cref="Checkpoints.CheckpointException">The text is not a JSON object.</exception>
    public static byte[] WithDtype(ReadOnlySpan<byte> config, Dtype dtype) => throw new NotImplementedException();
}
