using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels.Elements;

/// <summary>Converts vectors between float32 and IEEE binary16, whose instructions .NET does not offer.</summary>
/// <remarks>
/// <para>
/// Widening moves exponent and fraction into place, adds as much to the exponent as makes infinities and NaNs of those, and multiplies
/// by a power of two to what numbers should be. A subnormal f · 2^-14 became (1 + f) · 2^-15 by that; twice as much less 2^-14 is
/// right, is exact, and is the smaller of the two for subnormals only.
/// </para>
/// <para>
/// Narrowing adds the power of two whose last fraction bit is worth one unit of the binary16: the addition itself rounds, to
/// nearest and ties to even, and leaves the significand in the fraction of the sum. Subnormals have the unit of the smallest
/// normal number. Whatever is 65536 or more counts as 65536, which has the bits of infinity.
/// </para>
/// <para>No path computes with subnormal float32 numbers that came from binary16, which many CPUs do slowly.</para>
/// </remarks>
internal static class F16Conversion
{
    private const int SignBit = 1 << 31;
    private const int QuietNaN = 0x7E00;

    // binary32 has 13 more fraction bits than binary16.
    private const int FractionShift = 23 - 10;
    private const int BiasDifference = (127 - 15) << 23;
    private const int LargestExponentDifference = (255 - 31) << 23;

    /// <summary>2^-112: what is too much in <see cref="LargestExponentDifference"/> for numbers.</summary>
    private const float ExponentScale = 1.925929944387236e-34f;

    // Magnitudes as bits of binary16 that were moved to where binary32 has exponent and fraction.
    private const int Magnitude16 = 0x7FFF << FractionShift;
    private const int Infinity16 = 0x7C00 << FractionShift;
    private const int SmallestNormal16 = 0x0400 << FractionShift;

    // Magnitudes as bits of binary32.
    private const int Exponent32 = 0xFF << 23;
    private const int SmallestNormal32 = SmallestNormal16 + BiasDifference;
    private const int Infinity32 = Infinity16 + BiasDifference;
    private const int FractionBits = FractionShift << 23;

    /// <param name="halves">The 16 bits of each element, sign-extended.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Widen(Vector128<int> halves)
    {
        Vector128<int> magnitude = (halves << FractionShift) & Vector128.Create(Magnitude16);
        Vector128<float> normal = (magnitude + Vector128.Create(LargestExponentDifference)).AsSingle() * Vector128.Create(ExponentScale);
        Vector128<float> subnormal = normal + normal - Vector128.Create(SmallestNormal32).AsSingle();
        return (Vector128.MinNative(normal, subnormal).AsInt32() | (halves & Vector128.Create(SignBit))).AsSingle();
    }

    /// <returns>The 16 bits of each element, sign-extended.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Narrow(Vector128<float> values)
    {
        Vector128<int> bits = values.AsInt32();
        Vector128<int> magnitude = Vector128.Min(bits & Vector128.Create(~SignBit), Vector128.Create(Infinity32));
        Vector128<int> exponent = Vector128.Max(magnitude & Vector128.Create(Exponent32), Vector128.Create(SmallestNormal32));

        Vector128<int> rounder = exponent + Vector128.Create(FractionBits);
        Vector128<int> significand = (magnitude.AsSingle() + rounder.AsSingle()).AsInt32() - rounder;
        Vector128<int> number = ((exponent - Vector128.Create(SmallestNormal32)) >>> FractionShift) + significand;
        Vector128<int> sign = (bits & Vector128.Create(SignBit)) >> 16;
        return Vector128.ConditionalSelect(Vector128.IsNaN(values).AsInt32(), Vector128.Create(QuietNaN), number | sign);
    }

    /// <param name="halves">The 16 bits of each element, sign-extended.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Widen(Vector256<int> halves)
    {
        Vector256<int> magnitude = (halves << FractionShift) & Vector256.Create(Magnitude16);
        Vector256<float> normal = (magnitude + Vector256.Create(LargestExponentDifference)).AsSingle() * Vector256.Create(ExponentScale);
        Vector256<float> subnormal = normal + normal - Vector256.Create(SmallestNormal32).AsSingle();
        return (Vector256.MinNative(normal, subnormal).AsInt32() | (halves & Vector256.Create(SignBit))).AsSingle();
    }

    /// <returns>The 16 bits of each element, sign-extended.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Narrow(Vector256<float> values)
    {
        Vector256<int> bits = values.AsInt32();
        Vector256<int> magnitude = Vector256.Min(bits & Vector256.Create(~SignBit), Vector256.Create(Infinity32));
        Vector256<int> exponent = Vector256.Max(magnitude & Vector256.Create(Exponent32), Vector256.Create(SmallestNormal32));

        Vector256<int> rounder = exponent + Vector256.Create(FractionBits);
        Vector256<int> significand = (magnitude.AsSingle() + rounder.AsSingle()).AsInt32() - rounder;
        Vector256<int> number = ((exponent - Vector256.Create(SmallestNormal32)) >>> FractionShift) + significand;
        Vector256<int> sign = (bits & Vector256.Create(SignBit)) >> 16;
        return Vector256.ConditionalSelect(Vector256.IsNaN(values).AsInt32(), Vector256.Create(QuietNaN), number | sign);
    }

    /// <param name="halves">The 16 bits of each element, sign-extended.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Widen(Vector512<int> halves)
    {
        Vector512<int> magnitude = (halves << FractionShift) & Vector512.Create(Magnitude16);
        Vector512<float> normal = (magnitude + Vector512.Create(LargestExponentDifference)).AsSingle() * Vector512.Create(ExponentScale);
        Vector512<float> subnormal = normal + normal - Vector512.Create(SmallestNormal32).AsSingle();
        return (Vector512.MinNative(normal, subnormal).AsInt32() | (halves & Vector512.Create(SignBit))).AsSingle();
    }

    /// <returns>The 16 bits of each element, sign-extended.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Narrow(Vector512<float> values)
    {
        Vector512<int> bits = values.AsInt32();
        Vector512<int> magnitude = Vector512.Min(bits & Vector512.Create(~SignBit), Vector512.Create(Infinity32));
        Vector512<int> exponent = Vector512.Max(magnitude & Vector512.Create(Exponent32), Vector512.Create(SmallestNormal32));

        Vector512<int> rounder = exponent + Vector512.Create(FractionBits);
        Vector512<int> significand = (magnitude.AsSingle() + rounder.AsSingle()).AsInt32() - rounder;
        Vector512<int> number = ((exponent - Vector512.Create(SmallestNormal32)) >>> FractionShift) + significand;
        Vector512<int> sign = (bits & Vector512.Create(SignBit)) >> 16;
        return Vector512.ConditionalSelect(Vector512.IsNaN(values).AsInt32(), Vector512.Create(QuietNaN), number | sign);
    }
}
