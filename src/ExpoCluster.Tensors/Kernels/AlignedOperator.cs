using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels;

/// <summary>merged = aligned: infinities and the sign of zero survive, which alpha = 0 would not leave alone.</summary>
internal readonly struct AlignedOperator<T> : IMergeOperator<T>
    where T : struct
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Invoke(T aligned, T baseValue, T alpha) => aligned;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Invoke(Vector128<T> aligned, Vector128<T> baseValues, Vector128<T> alpha) => aligned;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Invoke(Vector256<T> aligned, Vector256<T> baseValues, Vector256<T> alpha) => aligned;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Invoke(Vector512<T> aligned, Vector512<T> baseValues, Vector512<T> alpha) => aligned;
}
