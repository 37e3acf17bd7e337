using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels.Elements;

/// <summary>BF16: the upper half of a float32.</summary>
internal readonly struct BF16Element : IElementReader<float>, IElementWriter<float>
{
    public static int ByteCount => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Load(ref byte source) =>
        BitConverter.UInt32BitsToSingle((uint)Unsafe.ReadUnaligned<ushort>(ref source) << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Load128(ref byte source) => (HalfWords.Load128(ref source) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load256(ref byte source) => (HalfWords.Load256(ref source) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load512(ref byte source) => (HalfWords.Load512(ref source) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float value, ref byte target) =>
        Unsafe.WriteUnaligned(ref target, (ushort)(BF16Rounding.RoundBits(value) >> 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store128(Vector128<float> values, ref byte target) =>
        HalfWords.Store(BF16Rounding.RoundBits(values).AsInt32() >> 16, ref target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store256(Vector256<float> values, ref byte target) =>
        HalfWords.Store(BF16Rounding.RoundBits(values).AsInt32() >> 16, ref target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store512(Vector512<float> values, ref byte target) =>
        HalfWords.Store(BF16Rounding.RoundBits(values).AsInt32() >> 16, ref target);
}
