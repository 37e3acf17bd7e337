using System.Runtime.Intrinsics;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Tensors.Tests.Kernels;

/// <summary>A formula that leaves every value as it was loaded, so that only the conversions are seen.</summary>
internal readonly struct AlignedAlone<T> : IMergeOperator<T>
    where T : struct
{
    public static T Invoke(T aligned, T baseValue, T alpha) => aligned;

    public static Vector128<T> Invoke(Vector128<T> aligned, Vector128<T> baseValues, Vector128<T> alpha) => aligned;

    public static Vector256<T> Invoke(Vector256<T> aligned, Vector256<T> baseValues, Vector256<T> alpha) => aligned;

    public static Vector512<T> Invoke(Vector512<T> aligned, Vector512<T> baseValues, Vector512<T> alpha) => aligned;
}
