using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels.Elements;

/// <summary>Moves 16-bit elements in memory to and from the lower halves of 32-bit lanes.</summary>
internal static class HalfWords
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Load128(ref byte source) =>
        Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(ref source)).AsUInt16());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Load256(ref byte source) =>
        Vector256.WidenLower(Vector128.LoadUnsafe(ref source).AsUInt16().ToVector256Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Load512(ref byte source) =>
        Vector512.WidenLower(Vector256.LoadUnsafe(ref source).AsUInt16().ToVector512Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<uint> halves, ref byte target) =>
        Unsafe.WriteUnaligned(ref target, Vector128.Narrow(halves, halves).AsUInt64().ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<uint> halves, ref byte target) =>
        Vector128.Narrow(halves.GetLower(), halves.GetUpper()).AsByte().StoreUnsafe(ref target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<uint> halves, ref byte target) =>
        Vector256.Narrow(halves.GetLower(), halves.GetUpper()).AsByte().StoreUnsafe(ref target);
}
