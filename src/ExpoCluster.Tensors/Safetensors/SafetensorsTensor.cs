using System.Collections.Immutable;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Tensors.Safetensors;

/// <summary>One entry of a safetensors header.</summary>
/// <param name="Name">Unique in the file.</param>
/// <param name="Dtype">The element type.</param>
/// <param name="Shape">Row-major; empty for a scalar; a 0 anywhere makes the tensor empty.</param>
/// <param name="Begin">The first byte, relative to the start of the data section (the first of <c>data_offsets</c>).</param>
/// <param name="End">The byte behind the last one, relative to the start of the data section.</param>
public sealed record SafetensorsTensor(string Name, Dtype Dtype, ImmutableArray<long> Shape, long Begin, long End)
{
    public long ByteCount => End - Begin;

    /// <summary>The product of the shape; 1 for a scalar.</summary>
    public long ElementCount
    {
        get
        {
            long count = 1;
            foreach (long extent in Shape)
            {
                count *= extent;
            }

            return count;
        }
    }
}
