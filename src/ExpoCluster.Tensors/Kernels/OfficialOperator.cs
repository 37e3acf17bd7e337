using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels;

/// <summary>The same formula as the paper's script computes it: each operation rounded to float32, then to BF16.</summary>
/// <remarks>The inputs are BF16 values already; the sum is rounded to BF16 when it is stored. Alpha stays float32.</remarks>
internal readonly struct OfficialOperator : IMergeOperator<float>, IIntermediateRounding<float>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Invoke(float aligned, float baseValue, float alpha) =>
        aligned + BF16Rounding.Round(alpha * BF16Rounding.Round(aligned - baseValue));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Invoke(Vector128<float> aligned, Vector128<float> baseValues, Vector128<float> alpha) =>
        aligned + Round(alpha * Round(aligned - baseValues));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Invoke(Vector256<float> aligned, Vector256<float> baseValues, Vector256<float> alpha) =>
        aligned + Round(alpha * Round(aligned - baseValues));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Invoke(Vector512<float> aligned, Vector512<float> baseValues, Vector512<float> alpha) =>
        aligned + Round(alpha * Round(aligned - baseValues));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Round(Vector128<float> values) => BF16Rounding.RoundResult(values);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Round(Vector256<float> values) => BF16Rounding.RoundResult(values);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Round(Vector512<float> values) => BF16Rounding.RoundResult(values);
}
