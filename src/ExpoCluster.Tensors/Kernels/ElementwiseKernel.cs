using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ExpoCluster.Tensors.Kernels.Elements;
using ExpoCluster.Tensors.Kernels.Lanes;

namespace ExpoCluster.Tensors.Kernels;

/// <summary>The one traversal: load both elements, apply the operator, store; as wide as asked, the rest one by one.</summary>
/// <typeparam name="T">What is computed in: float or double.</typeparam>
/// <typeparam name="TAligned">How elements of aligned are loaded.</typeparam>
/// <typeparam name="TBase">How elements of base are loaded.</typeparam>
/// <typeparam name="TOutput">How results are rounded and stored.</typeparam>
/// <typeparam name="TOperator">The formula.</typeparam>
internal class ElementwiseKernel<T, TAligned, TBase, TOutput, TOperator>(T alpha, VectorWidth width) : ExpoKernel
    where T : struct
    where TAligned : struct, IElementReader<T>
    where TBase : struct, IElementReader<T>
    where TOutput : struct, IElementWriter<T>
    where TOperator : struct, IMergeOperator<T>
{
    public override void Run(ReadOnlySpan<byte> aligned, ReadOnlySpan<byte> baseValues, Span<byte> output)
    {
        int count = Math.DivRem(output.Length, TOutput.ByteCount, out int rest);
        if (rest != 0 || aligned.Length != (long)count * TAligned.ByteCount || baseValues.Length != (long)count * TBase.ByteCount)
        {
            throw new ArgumentException(
                $"{aligned.Length} bytes of aligned, {baseValues.Length} of base and {output.Length} of output are not equally many elements.");
        }

        ref byte alignedStart = ref MemoryMarshal.GetReference(aligned);
        ref byte baseStart = ref MemoryMarshal.GetReference(baseValues);
        ref byte outputStart = ref MemoryMarshal.GetReference(output);
        int done = RunVectors(width, ref alignedStart, ref baseStart, ref outputStart, count, alpha);
        Traverse<SingleLane<T>>(ref alignedStart, ref baseStart, ref outputStart, done, count, alpha);
    }

    /// <returns>The first element that did not fill a vector.</returns>
    protected virtual int RunVectors(VectorWidth width, ref byte aligned, ref byte baseValues, ref byte output, int count, T alpha) => width switch
    {
        VectorWidth.Bits512 => Traverse<Lanes512<T>>(ref aligned, ref baseValues, ref output, 0, count, alpha),
        VectorWidth.Bits256 => Traverse<Lanes256<T>>(ref aligned, ref baseValues, ref output, 0, count, alpha),
        VectorWidth.Bits128 => Traverse<Lanes128<T>>(ref aligned, ref baseValues, ref output, 0, count, alpha),
        _ => 0,
    };

    /// <returns>The first element that did not fill a vector.</returns>
    // Optimised at once: under tiered compilation a merge of one large tensor would otherwise spend its time in unoptimised code.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected static int Traverse<TLanes>(
        ref byte aligned, ref byte baseValues, ref byte output, int from, int count, T alpha)
        where TLanes : struct, ILanes<T>
    {
        int i = from;
        for (; i <= count - TLanes.Count; i += TLanes.Count)
        {
            TLanes.Merge<TAligned, TBase, TOutput, TOperator>(
                ref Unsafe.Add(ref aligned, (nint)i * TAligned.ByteCount),
                ref Unsafe.Add(ref baseValues, (nint)i * TBase.ByteCount),
                ref Unsafe.Add(ref output, (nint)i * TOutput.ByteCount),
                alpha);
        }

        return i;
    }
}
