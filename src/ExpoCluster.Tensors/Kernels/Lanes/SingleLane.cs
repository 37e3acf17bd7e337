using System.Runtime.CompilerServices;
using ExpoCluster.Tensors.Kernels.Elements;

namespace ExpoCluster.Tensors.Kernels.Lanes;

internal readonly struct SingleLane<T> : ILanes<T>
    where T : struct
{
    public static int Count => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Merge<TAligned, TBase, TOutput, TOperator>(
        ref byte aligned, ref byte baseValues, ref byte output, T alpha)
        where TAligned : struct, IElementReader<T>
        where TBase : struct, IElementReader<T>
        where TOutput : struct, IElementWriter<T>
        where TOperator : struct, IMergeOperator<T> =>
        TOutput.Store(
            TOperator.Invoke(TAligned.Load(ref aligned), TBase.Load(ref baseValues), alpha), ref output);
}
