using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels.Elements;

/// <summary>F16, IEEE binary16.</summary>
internal readonly struct F16Element : IElementReader<float>, IElementWriter<float>
{
    private const ushort QuietNaN = 0x7E00;

    public static int ByteCount => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Load(ref byte source) =>
        (float)BitConverter.UInt16BitsToHalf(Unsafe.ReadUnaligned<ushort>(ref source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Load128(ref byte source) => F16Conversion.Widen(HalfWords.Load128(ref source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load256(ref byte source) => F16Conversion.Widen(HalfWords.Load256(ref source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load512(ref byte source) => F16Conversion.Widen(HalfWords.Load512(ref source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float value, ref byte target) =>
        Unsafe.WriteUnaligned(ref target, float.IsNaN(value) ? QuietNaN : BitConverter.HalfToUInt16Bits((Half)value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store128(Vector128<float> values, ref byte target) =>
        HalfWords.Store(F16Conversion.Narrow(values), ref target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store256(Vector256<float> values, ref byte target) =>
        HalfWords.Store(F16Conversion.Narrow(values), ref target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store512(Vector512<float> values, ref byte target) =>
        HalfWords.Store(F16Conversion.Narrow(values), ref target);
}
