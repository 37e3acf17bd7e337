using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels;

/// <summary>A formula on elements, written once for each vector width.</summary>
internal interface IMergeOperator<T>
    where T : struct
{
    static abstract T Invoke(T aligned, T baseValue, T alpha);

    static abstract Vector128<T> Invoke(Vector128<T> aligned, Vector128<T> baseValues, Vector128<T> alpha);

    static abstract Vector256<T> Invoke(Vector256<T> aligned, Vector256<T> baseValues, Vector256<T> alpha);

    static abstract Vector512<T> Invoke(Vector512<T> aligned, Vector512<T> baseValues, Vector512<T> alpha);
}
