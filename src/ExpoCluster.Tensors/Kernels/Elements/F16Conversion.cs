using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels.Elements;

/// <summary>Converts vectors between float32 and IEEE binary16, whose instructions .NET does not offer.</summary>
/// <remarks>
/// <para>
/// Widening moves exponent and fraction into place and adds the difference of the biases to the exponent; infinities and NaNs get
/// that difference a second time. A subnormal is set behind the exponent of 2^-14, and that 2^-14 is subtracted again, which is exact.
/// </para>
/// <para>
/// Narrowing rounds to nearest, ties to even, by adding just under half a unit, and one more where the last kept bit is odd. What
/// becomes subnormal is added to 0.5, whose last fraction bit is worth the smallest binary16: the addition itself rounds it.
/// No path computes with subnormal float32 numbers that came from binary16, which many CPUs do slowly.
/// </para>
/// </remarks>
internal static class F16Conversion
{
    private const int FractionShift = 13;
    private const int SignShift = 16;
    private const int BiasDifference = (127 - 15) << 23;
    private const int QuietNaN = 0x7E00;
    private const int Infinity = 0x7C00;
    private const int Magnitude16 = 0x7FFF;
    private const int Magnitude32 = 0x7FFF_FFFF;

    // Bounds of magnitudes, as bits of binary16 moved into place and as bits of float32.
    private const int FirstInfinite16 = 0x7C00 << FractionShift;
    private const int FirstNormal16 = 0x0400 << FractionShift;
    private const int FirstInfinite32 = (127 + 16) << 23;
    private const int SmallestNormal32 = (127 - 14) << 23;

    private const int AlmostHalfUnit = 0x0FFF;
    private const int OneHalf = 126 << 23;

    /// <param name="halves">The 16 bits of each element, zero-extended.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Widen(Vector128<uint> halves)
    {
        Vector128<int> bits = halves.AsInt32();
        Vector128<int> magnitude = (bits & Vector128.Create(Magnitude16)) << FractionShift;
        Vector128<int> sign = (bits & Vector128.Create(~Magnitude16)) << SignShift;

        Vector128<int> normal = magnitude + Vector128.Create(BiasDifference);
        Vector128<int> special = normal + Vector128.Create(BiasDifference);
        Vector128<float> smallestNormal = Vector128.Create(SmallestNormal32).AsSingle();
        Vector128<int> subnormal = ((magnitude + Vector128.Create(SmallestNormal32)).AsSingle() - smallestNormal).AsInt32();

        Vector128<int> finite = Vector128.ConditionalSelect(Vector128.LessThan(magnitude, Vector128.Create(FirstNormal16)), subnormal, normal);
        Vector128<int> isFinite = Vector128.LessThan(magnitude, Vector128.Create(FirstInfinite16));
        return (Vector128.ConditionalSelect(isFinite, finite, special) | sign).AsSingle();
    }

    /// <returns>The 16 bits of each element, zero-extended.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Narrow(Vector128<float> values)
    {
        Vector128<int> magnitude = values.AsInt32() & Vector128.Create(Magnitude32);
        Vector128<uint> sign = (values.AsUInt32() & Vector128.Create(~(uint)Magnitude32)) >>> SignShift;

        Vector128<int> lastKeptBit = (magnitude >>> FractionShift) & Vector128<int>.One;
        Vector128<int> normal = (magnitude + Vector128.Create(AlmostHalfUnit - BiasDifference) + lastKeptBit) >>> FractionShift;
        Vector128<int> subnormal = (magnitude.AsSingle() + Vector128.Create(OneHalf).AsSingle()).AsInt32() - Vector128.Create(OneHalf);

        Vector128<int> finite = Vector128.ConditionalSelect(Vector128.LessThan(magnitude, Vector128.Create(SmallestNormal32)), subnormal, normal);
        Vector128<int> isFinite = Vector128.LessThan(magnitude, Vector128.Create(FirstInfinite32));
        Vector128<uint> number = Vector128.ConditionalSelect(isFinite, finite, Vector128.Create(Infinity)).AsUInt32() | sign;
        return Vector128.ConditionalSelect(Vector128.IsNaN(values).AsUInt32(), Vector128.Create((uint)QuietNaN), number);
    }

    /// <param name="halves">The 16 bits of each element, zero-extended.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Widen(Vector256<uint> halves)
    {
        Vector256<int> bits = halves.AsInt32();
        Vector256<int> magnitude = (bits & Vector256.Create(Magnitude16)) << FractionShift;
        Vector256<int> sign = (bits & Vector256.Create(~Magnitude16)) << SignShift;

        Vector256<int> normal = magnitude + Vector256.Create(BiasDifference);
        Vector256<int> special = normal + Vector256.Create(BiasDifference);
        Vector256<float> smallestNormal = Vector256.Create(SmallestNormal32).AsSingle();
        Vector256<int> subnormal = ((magnitude + Vector256.Create(SmallestNormal32)).AsSingle() - smallestNormal).AsInt32();

        Vector256<int> finite = Vector256.ConditionalSelect(Vector256.LessThan(magnitude, Vector256.Create(FirstNormal16)), subnormal, normal);
        Vector256<int> isFinite = Vector256.LessThan(magnitude, Vector256.Create(FirstInfinite16));
        return (Vector256.ConditionalSelect(isFinite, finite, special) | sign).AsSingle();
    }

    /// <returns>The 16 bits of each element, zero-extended.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Narrow(Vector256<float> values)
    {
        Vector256<int> magnitude = values.AsInt32() & Vector256.Create(Magnitude32);
        Vector256<uint> sign = (values.AsUInt32() & Vector256.Create(~(uint)Magnitude32)) >>> SignShift;

        Vector256<int> lastKeptBit = (magnitude >>> FractionShift) & Vector256<int>.One;
        Vector256<int> normal = (magnitude + Vector256.Create(AlmostHalfUnit - BiasDifference) + lastKeptBit) >>> FractionShift;
        Vector256<int> subnormal = (magnitude.AsSingle() + Vector256.Create(OneHalf).AsSingle()).AsInt32() - Vector256.Create(OneHalf);

        Vector256<int> finite = Vector256.ConditionalSelect(Vector256.LessThan(magnitude, Vector256.Create(SmallestNormal32)), subnormal, normal);
        Vector256<int> isFinite = Vector256.LessThan(magnitude, Vector256.Create(FirstInfinite32));
        Vector256<uint> number = Vector256.ConditionalSelect(isFinite, finite, Vector256.Create(Infinity)).AsUInt32() | sign;
        return Vector256.ConditionalSelect(Vector256.IsNaN(values).AsUInt32(), Vector256.Create((uint)QuietNaN), number);
    }

    /// <param name="halves">The 16 bits of each element, zero-extended.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Widen(Vector512<uint> halves)
    {
        Vector512<int> bits = halves.AsInt32();
        Vector512<int> magnitude = (bits & Vector512.Create(Magnitude16)) << FractionShift;
        Vector512<int> sign = (bits & Vector512.Create(~Magnitude16)) << SignShift;

        Vector512<int> normal = magnitude + Vector512.Create(BiasDifference);
        Vector512<int> special = normal + Vector512.Create(BiasDifference);
        Vector512<float> smallestNormal = Vector512.Create(SmallestNormal32).AsSingle();
        Vector512<int> subnormal = ((magnitude + Vector512.Create(SmallestNormal32)).AsSingle() - smallestNormal).AsInt32();

        Vector512<int> finite = Vector512.ConditionalSelect(Vector512.LessThan(magnitude, Vector512.Create(FirstNormal16)), subnormal, normal);
        Vector512<int> isFinite = Vector512.LessThan(magnitude, Vector512.Create(FirstInfinite16));
        return (Vector512.ConditionalSelect(isFinite, finite, special) | sign).AsSingle();
    }

    /// <returns>The 16 bits of each element, zero-extended.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Narrow(Vector512<float> values)
    {
        Vector512<int> magnitude = values.AsInt32() & Vector512.Create(Magnitude32);
        Vector512<uint> sign = (values.AsUInt32() & Vector512.Create(~(uint)Magnitude32)) >>> SignShift;

        Vector512<int> lastKeptBit = (magnitude >>> FractionShift) & Vector512<int>.One;
        Vector512<int> normal = (magnitude + Vector512.Create(AlmostHalfUnit - BiasDifference) + lastKeptBit) >>> FractionShift;
        Vector512<int> subnormal = (magnitude.AsSingle() + Vector512.Create(OneHalf).AsSingle()).AsInt32() - Vector512.Create(OneHalf);

        Vector512<int> finite = Vector512.ConditionalSelect(Vector512.LessThan(magnitude, Vector512.Create(SmallestNormal32)), subnormal, normal);
        Vector512<int> isFinite = Vector512.LessThan(magnitude, Vector512.Create(FirstInfinite32));
        Vector512<uint> number = Vector512.ConditionalSelect(isFinite, finite, Vector512.Create(Infinity)).AsUInt32() | sign;
        return Vector512.ConditionalSelect(Vector512.IsNaN(values).AsUInt32(), Vector512.Create((uint)QuietNaN), number);
    }
}
