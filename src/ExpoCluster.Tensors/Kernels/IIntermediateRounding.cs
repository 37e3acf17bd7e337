using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels;

/// <summary>What becomes of a formula's intermediate results, the difference and its product with alpha, before they are used.</summary>
internal interface IIntermediateRounding<T>
    where T : struct
{
    static abstract Vector128<T> Round(Vector128<T> values);

    static abstract Vector256<T> Round(Vector256<T> values);

    static abstract Vector512<T> Round(Vector512<T> values);
}
