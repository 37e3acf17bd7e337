using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ExpoCluster.Tensors.Kernels.Lanes;

/// <summary>What is done with pairs of 16-bit elements, whatever these mean.</summary>
internal static class Pairs
{
    /// <summary>Where a pair has its upper element.</summary>
    public const uint UpperHalf = 0xFFFF_0000;

    /// <summary>The bit that a BF16 and an F16 have set from a magnitude of 2 on, in infinities and in NaNs.</summary>
    public const ushort TwoOrMore = 0x4000;

    /// <summary>The lower elements of the one and the upper elements of the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> Blend(Vector128<uint> lower, Vector128<uint> upper) =>
        Sse41.IsSupported
            ? Sse41.Blend(lower.AsUInt16(), upper.AsUInt16(), 0b1010_1010)
            : Vector128.ConditionalSelect(Vector128.Create(UpperHalf), upper, lower).AsUInt16();

    /// <inheritdoc cref="Blend(Vector128{uint}, Vector128{uint})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ushort> Blend(Vector256<uint> lower, Vector256<uint> upper) =>
        Avx2.IsSupported
            ? Avx2.Blend(lower.AsUInt16(), upper.AsUInt16(), 0b1010_1010)
            : Vector256.ConditionalSelect(Vector256.Create(UpperHalf), upper, lower).AsUInt16();

    /// <inheritdoc cref="Blend(Vector128{uint}, Vector128{uint})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ushort> Blend(Vector512<uint> lower, Vector512<uint> upper) =>
        Vector512.ConditionalSelect(Vector512.Create(UpperHalf), upper, lower).AsUInt16();

    /// <summary>Whether an element of a whole number of steps is greater than a limit, both shifted out of their signs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool AnyIsBeyond(ushort twiceLimit, ref byte elements, int count)
    {
        Vector128<ushort> largest = Vector128<ushort>.Zero;
        for (nint i = 0; i < count; i += Vector128<ushort>.Count)
        {
            Vector128<ushort> words = Vector128.LoadUnsafe(ref Unsafe.Add(ref elements, i * sizeof(ushort))).AsUInt16();
            largest = Vector128.Max(largest, words << 1);
        }

        return Vector128.GreaterThanAny(largest, Vector128.Create(twiceLimit));
    }
}
