using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ExpoCluster.Tensors.Kernels.Elements;

namespace ExpoCluster.Tensors.Kernels.Lanes;

internal readonly struct Lanes512<T> : ILanes<T>
    where T : struct
{
    public static int Count => Vector512<T>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Merge<TAligned, TBase, TOutput, TOperator>(
        ref byte aligned, ref byte baseValues, ref byte output, T alpha)
        where TAligned : struct, IElementReader<T>
        where TBase : struct, IElementReader<T>
        where TOutput : struct, IElementWriter<T>
        where TOperator : struct, IMergeOperator<T> =>
        TOutput.Store512(
            TOperator.Invoke(TAligned.Load512(ref aligned), TBase.Load512(ref baseValues), Vector512.Create(alpha)), ref output);
}
