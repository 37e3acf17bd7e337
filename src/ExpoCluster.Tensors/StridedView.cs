using System.Collections.Immutable;

namespace ExpoCluster.Tensors;

/// <summary>A tensor whose elements do not lie in row-major order without gaps: a transposed, sliced or expanded view.</summary>
/// <param name="Shape">Extents, in elements.</param>
/// <param name="Strides">How far the next element of each dimension is, in elements; 0 where all are the same one.</param>
public readonly record struct StridedView(ImmutableArray<long> Shape, ImmutableArray<long> Strides)
{
    /// <summary>Elements from the first of the view to behind the last of them; 0 where there are none. May be more than any file has.</summary>
    public Int128 Span
    {
        get
        {
            Int128 last = 0;
            for (int axis = 0; axis < Shape.Length; axis++)
            {
                if (Shape[axis] == 0)
                {
                    return 0;
                }

                last += (Int128)(Shape[axis] - 1) * Strides[axis];
            }

            return last + 1;
        }
    }

    /// <summary>The elements are in row-major order without gaps. The stride of a dimension with one element never counts, and none does where there are no elements.</summary>
    public static bool IsContiguous(ImmutableArray<long> shape, ImmutableArray<long> strides)
    {
        Int128 expected = 1;
        for (int axis = shape.Length - 1; axis >= 0; axis--)
        {
            if (shape[axis] == 0)
            {
                return true;
            }
        }

        for (int axis = shape.Length - 1; axis >= 0; axis--)
        {
            if (shape[axis] != 1 && strides[axis] != expected)
            {
                return false;
            }

            expected *= shape[axis];
        }

        return true;
    }

    /// <summary>Where elements lie, in row-major order: runs of them that are equally far apart.</summary>
    /// <param name="first">The first element that is wanted, in row-major order.</param>
    /// <param name="count">How many.</param>
    public IEnumerable<StridedRun> Runs(long first, long count)
    {
        if (Shape.IsEmpty)
        {
            if (count > 0)
            {
                yield return new StridedRun(0, 1, 1);
            }

            yield break;
        }

        long inner = Shape[^1];
        while (count > 0)
        {
            (long row, long column) = Math.DivRem(first, inner);
            long length = Math.Min(count, inner - column);
            yield return new StridedRun(OffsetOfRow(row) + (column * Strides[^1]), Strides[^1], length);
            first += length;
            count -= length;
        }
    }

    private long OffsetOfRow(long row)
    {
        long offset = 0;
        for (int axis = Shape.Length - 2; axis >= 0; axis--)
        {
            (row, long index) = Math.DivRem(row, Shape[axis]);
            offset += index * Strides[axis];
        }

        return offset;
    }
}

/// <summary>Elements of a storage that are equally far apart.</summary>
/// <param name="Offset">Elements in front of the first one, counted from the first of the view.</param>
/// <param name="Stride">Elements from one to the next.</param>
/// <param name="Count">How many.</param>
public readonly record struct StridedRun(long Offset, long Stride, long Count);
