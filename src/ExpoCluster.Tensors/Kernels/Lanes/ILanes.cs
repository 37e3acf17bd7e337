using ExpoCluster.Tensors.Kernels.Elements;

namespace ExpoCluster.Tensors.Kernels.Lanes;

/// <summary>One step of the traversal at one vector width.</summary>
internal interface ILanes<T>
    where T : struct
{
    /// <summary>Elements per step.</summary>
    static abstract int Count { get; }

    static abstract void Merge<TAligned, TBase, TOutput, TOperator>(
        ref byte aligned, ref byte baseValues, ref byte output, T alpha)
        where TAligned : struct, IElementReader<T>
        where TBase : struct, IElementReader<T>
        where TOutput : struct, IElementWriter<T>
        where TOperator : struct, IMergeOperator<T>;
}
