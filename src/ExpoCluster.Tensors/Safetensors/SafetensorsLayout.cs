using System.Collections.Immutable;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Tensors.Safetensors;

/// <summary>The canonical order of tensors in a file, and the offsets that follow from it.</summary>
public static class SafetensorsLayout
{
    /// <summary>Sorts by dtype descending, then by name as UTF-8 bytes, and assigns gapless offsets from 0.</summary>
    public static ImmutableArray<SafetensorsTensor> Arrange(
        IEnumerable<(string Name, Dtype Dtype, ImmutableArray<long> Shape)> tensors) =>
        throw new NotImplementedException();
}
