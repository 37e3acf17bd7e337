using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels;

/// <summary>merged = aligned + alpha · (aligned − base), each operation rounded to <typeparamref name="T"/>.</summary>
// Not fused: parts of one checkpoint are computed on different CPUs and must agree to the bit, and PyTorch does not fuse either.
internal readonly struct ExactOperator<T> : IMergeOperator<T>, IIntermediateRounding<T>
    where T : struct, INumber<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Invoke(T aligned, T baseValue, T alpha) =>
        aligned + (alpha * (aligned - baseValue));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Invoke(Vector128<T> aligned, Vector128<T> baseValues, Vector128<T> alpha) =>
        aligned + (alpha * (aligned - baseValues));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Invoke(Vector256<T> aligned, Vector256<T> baseValues, Vector256<T> alpha) =>
        aligned + (alpha * (aligned - baseValues));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Invoke(Vector512<T> aligned, Vector512<T> baseValues, Vector512<T> alpha) =>
        aligned + (alpha * (aligned - baseValues));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Round(Vector128<T> values) => values;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Round(Vector256<T> values) => values;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Round(Vector512<T> values) => values;
}
