using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels.Elements;

/// <summary>
/// A smaller dtype in the file, float64 in the computation. Results go through float32 to the dtype: two roundings for BF16 and
/// F16, as PyTorch rounds.
/// </summary>
internal readonly struct SingleAsDouble<TElement> : IElementReader<double>, IElementWriter<double>
    where TElement : struct, IElementReader<float>, IElementWriter<float>
{
    public static int ByteCount => TElement.ByteCount;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Load(ref byte source) => TElement.Load(ref source);

    // Two elements are fewer than the smallest vector of float32.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Load128(ref byte source) =>
        Vector128.Create(Load(ref source), Load(ref Unsafe.Add(ref source, ByteCount)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> Load256(ref byte source) =>
        Vector256.WidenLower(TElement.Load128(ref source).ToVector256Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> Load512(ref byte source) =>
        Vector512.WidenLower(TElement.Load256(ref source).ToVector512Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(double value, ref byte target) => TElement.Store((float)value, ref target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store128(Vector128<double> values, ref byte target)
    {
        Store(values.GetElement(0), ref target);
        Store(values.GetElement(1), ref Unsafe.Add(ref target, ByteCount));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store256(Vector256<double> values, ref byte target) =>
        TElement.Store128(Vector128.Narrow(values.GetLower(), values.GetUpper()), ref target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store512(Vector512<double> values, ref byte target) =>
        TElement.Store256(Vector256.Narrow(values.GetLower(), values.GetUpper()), ref target);
}
