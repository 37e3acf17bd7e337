using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels.Elements;

/// <summary>F32, IEEE binary32.</summary>
internal readonly struct F32Element : IElementReader<float>, IElementWriter<float>
{
    public static int ByteCount => 4;

    // .NET's own NaN is the one with the sign set.
    private static float QuietNaN => BitConverter.UInt32BitsToSingle(0x7FC0_0000);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Load(ref byte source) => Unsafe.ReadUnaligned<float>(ref source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Load128(ref byte source) => Vector128.LoadUnsafe(ref source).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load256(ref byte source) => Vector256.LoadUnsafe(ref source).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load512(ref byte source) => Vector512.LoadUnsafe(ref source).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float value, ref byte target) =>
        Unsafe.WriteUnaligned(ref target, float.IsNaN(value) ? QuietNaN : value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store128(Vector128<float> values, ref byte target) =>
        Vector128.ConditionalSelect(Vector128.IsNaN(values), Vector128.Create(QuietNaN), values).AsByte().StoreUnsafe(ref target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store256(Vector256<float> values, ref byte target) =>
        Vector256.ConditionalSelect(Vector256.IsNaN(values), Vector256.Create(QuietNaN), values).AsByte().StoreUnsafe(ref target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store512(Vector512<float> values, ref byte target) =>
        Vector512.ConditionalSelect(Vector512.IsNaN(values), Vector512.Create(QuietNaN), values).AsByte().StoreUnsafe(ref target);
}
