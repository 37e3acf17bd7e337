using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels.Elements;

/// <summary>Loads elements of one dtype as <typeparamref name="T"/>. No address needs to be aligned.</summary>
internal interface IElementReader<T> : IElement
    where T : struct
{
    static abstract T Load(ref byte source);

    static abstract Vector128<T> Load128(ref byte source);

    static abstract Vector256<T> Load256(ref byte source);

    static abstract Vector512<T> Load512(ref byte source);
}
