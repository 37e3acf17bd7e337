using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels.Elements;

/// <summary>Moves 16-bit elements in memory to and from 32-bit lanes, where they are sign-extended.</summary>
/// <remarks>Being in the range of 16 bits, they pass the CPU's saturating narrowing unchanged.</remarks>
internal static class HalfWords
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Load128(ref byte source) =>
        Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(ref source)).AsInt16());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Load256(ref byte source) =>
        Vector256.WidenLower(Vector128.LoadUnsafe(ref source).AsInt16().ToVector256Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Load512(ref byte source) =>
        Vector512.WidenLower(Vector256.LoadUnsafe(ref source).AsInt16().ToVector512Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<int> halves, ref byte target) =>
        Unsafe.WriteUnaligned(ref target, Vector128.NarrowWithSaturation(halves, halves).AsUInt64().ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<int> halves, ref byte target) =>
        Vector128.NarrowWithSaturation(halves.GetLower(), halves.GetUpper()).AsByte().StoreUnsafe(ref target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<int> halves, ref byte target) =>
        Vector256.NarrowWithSaturation(halves.GetLower(), halves.GetUpper()).AsByte().StoreUnsafe(ref target);
}
