using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels.Elements;

/// <summary>F64, IEEE binary64, computed in double.</summary>
internal readonly struct F64Element : IElementReader<double>, IElementWriter<double>
{
    public static int ByteCount => 8;

    // .NET's own NaN is the one with the sign set.
    private static double QuietNaN => BitConverter.UInt64BitsToDouble(0x7FF8_0000_0000_0000);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Load(ref byte source) => Unsafe.ReadUnaligned<double>(ref source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Load128(ref byte source) => Vector128.LoadUnsafe(ref source).AsDouble();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> Load256(ref byte source) => Vector256.LoadUnsafe(ref source).AsDouble();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> Load512(ref byte source) => Vector512.LoadUnsafe(ref source).AsDouble();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(double value, ref byte target) =>
        Unsafe.WriteUnaligned(ref target, double.IsNaN(value) ? QuietNaN : value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store128(Vector128<double> values, ref byte target) =>
        Vector128.ConditionalSelect(Vector128.IsNaN(values), Vector128.Create(QuietNaN), values).AsByte().StoreUnsafe(ref target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store256(Vector256<double> values, ref byte target) =>
        Vector256.ConditionalSelect(Vector256.IsNaN(values), Vector256.Create(QuietNaN), values).AsByte().StoreUnsafe(ref target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store512(Vector512<double> values, ref byte target) =>
        Vector512.ConditionalSelect(Vector512.IsNaN(values), Vector512.Create(QuietNaN), values).AsByte().StoreUnsafe(ref target);
}
