using System.Collections.Immutable;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Tensors.Safetensors;

/// <summary>The canonical order of tensors in a file, and the offsets that follow from it.</summary>
public static class SafetensorsLayout
{
    /// <summary>How errors name a file that does not exist yet.</summary>
    internal const string NewFile = "new safetensors file";

    /// <summary>Sorts by dtype descending, then by name as UTF-8 bytes, and assigns gapless offsets from 0.</summary>
    /// <exception cref="TensorFileException">A tensor does not fill whole bytes, or the sizes overflow.</exception>
    public static ImmutableArray<SafetensorsTensor> Arrange(
        IEnumerable<(string Name, Dtype Dtype, ImmutableArray<long> Shape)> tensors)
    {
        var arranged = ImmutableArray.CreateBuilder<SafetensorsTensor>();
        long end = 0;
        foreach ((string name, Dtype dtype, ImmutableArray<long> shape) in tensors
            .OrderByDescending(tensor => tensor.Dtype)
            .ThenBy(tensor => tensor.Name, Utf8Order.Instance))
        {
            long begin = end;
            end = Advance(begin, TensorSize.InBytes(dtype, shape, name, NewFile), name);
            arranged.Add(new SafetensorsTensor(name, dtype, shape, begin, end));
        }

        return arranged.DrainToImmutable();
    }

    private static long Advance(long begin, long size, string name) =>
        size <= long.MaxValue - begin
            ? begin + size
            : throw SafetensorsRules.SizeFits.Broken(NewFile, name, found: $"{size} bytes behind {begin} others");
}
