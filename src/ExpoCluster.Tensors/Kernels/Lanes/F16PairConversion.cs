using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels.Lanes;

/// <summary>Converts pairs of finite F16 to float32 and back, with fewer operations than F16Conversion needs for single elements.</summary>
/// <remarks>
/// The ways are those of <see cref="Elements.F16Conversion"/>. Widening leaves out infinities and NaNs, so that the difference of the
/// biases can be added at once. Narrowing works in words where it can, on both elements of a pair at a time: it takes exponents from
/// the upper halves of the float32, and puts together again what the sums with the rounders leave in their lower halves.
/// </remarks>
internal static class F16PairConversion
{
    /// <summary>The largest finite number's bits shifted out of its sign; those of infinity and of NaNs are greater.</summary>
    public const ushort TwiceLargest = (Infinity16 - 1) << 1;

    // A pair's upper element has its exponent three bits above a float32's.
    private const int ExponentShift = 3;
    private const uint UpperMagnitude = 0x7FFF_0000;
    private const uint UpperSign = 0x8000_0000;
    private const uint BiasDifference = (127 - 15) << 23;
    private const uint SmallestNormal = (127 - 14) << 23;

    // Of words: the upper halves of float32, and F16.
    private const ushort Sign = 0x8000;
    private const ushort Exponent32 = 0x7F80;
    private const ushort SmallestNormal32 = (127 - 14) << 7;
    private const ushort FractionBits = (23 - 10) << 7;
    private const ushort Infinity16 = 0x7C00;

    /// <summary>The upper elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> WidenUpper(Vector128<uint> pairs)
    {
        Vector128<uint> magnitude = (pairs & Vector128.Create(UpperMagnitude)) >>> ExponentShift;
        Vector128<float> normal = (magnitude + Vector128.Create(BiasDifference)).AsSingle();
        Vector128<float> smallestNormal = Vector128.Create(SmallestNormal).AsSingle();
        Vector128<float> subnormal = (magnitude + smallestNormal.AsUInt32()).AsSingle() - smallestNormal;
        return (Vector128.MinNative(normal, subnormal).AsUInt32() | (pairs & Vector128.Create(UpperSign))).AsSingle();
    }

    /// <inheritdoc cref="WidenUpper(Vector128{uint})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> WidenUpper(Vector256<uint> pairs)
    {
        Vector256<uint> magnitude = (pairs & Vector256.Create(UpperMagnitude)) >>> ExponentShift;
        Vector256<float> normal = (magnitude + Vector256.Create(BiasDifference)).AsSingle();
        Vector256<float> smallestNormal = Vector256.Create(SmallestNormal).AsSingle();
        Vector256<float> subnormal = (magnitude + smallestNormal.AsUInt32()).AsSingle() - smallestNormal;
        return (Vector256.MinNative(normal, subnormal).AsUInt32() | (pairs & Vector256.Create(UpperSign))).AsSingle();
    }

    /// <inheritdoc cref="WidenUpper(Vector128{uint})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> WidenUpper(Vector512<uint> pairs)
    {
        Vector512<uint> magnitude = (pairs & Vector512.Create(UpperMagnitude)) >>> ExponentShift;
        Vector512<float> normal = (magnitude + Vector512.Create(BiasDifference)).AsSingle();
        Vector512<float> smallestNormal = Vector512.Create(SmallestNormal).AsSingle();
        Vector512<float> subnormal = (magnitude + smallestNormal.AsUInt32()).AsSingle() - smallestNormal;
        return (Vector512.MinNative(normal, subnormal).AsUInt32() | (pairs & Vector512.Create(UpperSign))).AsSingle();
    }

    /// <summary>Both elements of each pair, rounded; from 65520 on, infinity.</summary>
    /// <param name="lower">The lower elements; below 2^50 in magnitude, so that the exponent stays within a word.</param>
    /// <param name="upper">The upper elements, likewise.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> Narrow(Vector128<float> lower, Vector128<float> upper)
    {
        Vector128<ushort> words = Pairs.Blend(lower.AsUInt32() >>> 16, upper.AsUInt32());
        Vector128<ushort> sign = words & Vector128.Create(Sign);
        Vector128<ushort> exponent = Vector128.SubtractSaturate(words & Vector128.Create(Exponent32), Vector128.Create(SmallestNormal32));

        Vector128<uint> rounder = ((exponent + Vector128.Create((ushort)(SmallestNormal32 + FractionBits))) | sign).AsUInt32();
        Vector128<uint> lowerSum = (lower + (rounder << 16).AsSingle()).AsUInt32();
        Vector128<uint> upperSum = (upper + (rounder & Vector128.Create(Pairs.UpperHalf)).AsSingle()).AsUInt32();
        Vector128<ushort> significand = Pairs.Blend(lowerSum, upperSum << 16);
        return Vector128.Min((exponent << ExponentShift) + significand, Vector128.Create(Infinity16)) | sign;
    }

    /// <inheritdoc cref="Narrow(Vector128{float}, Vector128{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ushort> Narrow(Vector256<float> lower, Vector256<float> upper)
    {
        Vector256<ushort> words = Pairs.Blend(lower.AsUInt32() >>> 16, upper.AsUInt32());
        Vector256<ushort> sign = words & Vector256.Create(Sign);
        Vector256<ushort> exponent = Vector256.SubtractSaturate(words & Vector256.Create(Exponent32), Vector256.Create(SmallestNormal32));

        Vector256<uint> rounder = ((exponent + Vector256.Create((ushort)(SmallestNormal32 + FractionBits))) | sign).AsUInt32();
        Vector256<uint> lowerSum = (lower + (rounder << 16).AsSingle()).AsUInt32();
        Vector256<uint> upperSum = (upper + (rounder & Vector256.Create(Pairs.UpperHalf)).AsSingle()).AsUInt32();
        Vector256<ushort> significand = Pairs.Blend(lowerSum, upperSum << 16);
        return Vector256.Min((exponent << ExponentShift) + significand, Vector256.Create(Infinity16)) | sign;
    }

    /// <inheritdoc cref="Narrow(Vector128{float}, Vector128{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ushort> Narrow(Vector512<float> lower, Vector512<float> upper)
    {
        Vector512<ushort> words = Pairs.Blend(lower.AsUInt32() >>> 16, upper.AsUInt32());
        Vector512<ushort> sign = words & Vector512.Create(Sign);
        Vector512<ushort> exponent = Vector512.SubtractSaturate(words & Vector512.Create(Exponent32), Vector512.Create(SmallestNormal32));

        Vector512<uint> rounder = ((exponent + Vector512.Create((ushort)(SmallestNormal32 + FractionBits))) | sign).AsUInt32();
        Vector512<uint> lowerSum = (lower + (rounder << 16).AsSingle()).AsUInt32();
        Vector512<uint> upperSum = (upper + (rounder & Vector512.Create(Pairs.UpperHalf)).AsSingle()).AsUInt32();
        Vector512<ushort> significand = Pairs.Blend(lowerSum, upperSum << 16);
        return Vector512.Min((exponent << ExponentShift) + significand, Vector512.Create(Infinity16)) | sign;
    }
}
