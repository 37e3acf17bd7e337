using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels;

/// <summary>Rounds float32 to BF16, which is its upper half: to nearest, ties to even.</summary>
/// <remarks>
/// Adding 0x7FFF, and one more where the upper half is odd, carries into the upper half exactly when it must be rounded up;
/// a carry out of the largest finite number gives infinity, as it should. A NaN comes first, for the carry would turn some NaNs
/// into infinities.
/// </remarks>
internal static class BF16Rounding
{
    public const uint QuietNaN = 0x7FC0_0000;

    /// <summary>Where a float32 holds its BF16 value.</summary>
    public const uint UpperHalf = 0xFFFF_0000;

    /// <summary>An infinity's bits shifted out of its sign; those of NaN are greater.</summary>
    public const ushort TwiceInfinity = 0xFF00;

    /// <summary>Half of what the lowest bit of the upper half is worth.</summary>
    public const uint Half = 0x8000;

    private const uint AlmostHalf = Half - 1;

    /// <summary>The BF16 value as float32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Round(float value) => BitConverter.UInt32BitsToSingle(RoundBits(value) & UpperHalf);

    /// <inheritdoc cref="Round(float)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Round(Vector128<float> values) => (RoundBits(values) & Vector128.Create(UpperHalf)).AsSingle();

    /// <inheritdoc cref="Round(float)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Round(Vector256<float> values) => (RoundBits(values) & Vector256.Create(UpperHalf)).AsSingle();

    /// <inheritdoc cref="Round(float)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Round(Vector512<float> values) => (RoundBits(values) & Vector512.Create(UpperHalf)).AsSingle();

    /// <summary>As Round, of what was computed from BF16 values: such a NaN has nothing in its lower half that could carry.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> RoundResult(Vector128<float> values) => (Nearest(values.AsUInt32()) & Vector128.Create(UpperHalf)).AsSingle();

    /// <inheritdoc cref="RoundResult(Vector128{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> RoundResult(Vector256<float> values) => (Nearest(values.AsUInt32()) & Vector256.Create(UpperHalf)).AsSingle();

    /// <inheritdoc cref="RoundResult(Vector128{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> RoundResult(Vector512<float> values) => (Nearest(values.AsUInt32()) & Vector512.Create(UpperHalf)).AsSingle();

    /// <summary>The BF16 value in the upper half; the lower half means nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint RoundBits(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? QuietNaN : bits + AlmostHalf + ((bits >> 16) & 1);
    }

    /// <inheritdoc cref="RoundBits(float)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> RoundBits(Vector128<float> values) =>
        Vector128.ConditionalSelect(Vector128.IsNaN(values).AsUInt32(), Vector128.Create(QuietNaN), Nearest(values.AsUInt32()));

    /// <inheritdoc cref="RoundBits(float)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> RoundBits(Vector256<float> values) =>
        Vector256.ConditionalSelect(Vector256.IsNaN(values).AsUInt32(), Vector256.Create(QuietNaN), Nearest(values.AsUInt32()));

    /// <inheritdoc cref="RoundBits(float)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> RoundBits(Vector512<float> values) =>
        Vector512.ConditionalSelect(Vector512.IsNaN(values).AsUInt32(), Vector512.Create(QuietNaN), Nearest(values.AsUInt32()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Nearest(Vector128<uint> bits) =>
        bits + Vector128.Create(AlmostHalf) + ((bits >> 16) & Vector128<uint>.One);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Nearest(Vector256<uint> bits) =>
        bits + Vector256.Create(AlmostHalf) + ((bits >> 16) & Vector256<uint>.One);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Nearest(Vector512<uint> bits) =>
        bits + Vector512.Create(AlmostHalf) + ((bits >> 16) & Vector512<uint>.One);
}
