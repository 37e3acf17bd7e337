using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels.Elements;

/// <summary>Rounds <typeparamref name="T"/> to one dtype and stores it; every NaN becomes the canonical quiet one.</summary>
internal interface IElementWriter<T> : IElement
    where T : struct
{
    static abstract void Store(T value, ref byte target);

    static abstract void Store128(Vector128<T> values, ref byte target);

    static abstract void Store256(Vector256<T> values, ref byte target);

    static abstract void Store512(Vector512<T> values, ref byte target);
}
