namespace ExpoCluster.Tensors.Torch;

/// <summary>The checksum of zip archives: CRC-32 with the polynomial of ISO 3309, reflected.</summary>
public static class Crc32
{
    private const uint Polynomial = 0xEDB8_8320;

    private static readonly uint[] Table =
        [.. Enumerable.Range(0, 256).Select(value => Enumerable.Range(0, 8).Aggregate((uint)value, (crc, _) => TimesX(crc)))];

    /// <summary>Fast enough for the parts of an archive that describe it, not for tensors.</summary>
    public static uint Of(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
        {
            crc = Table[(byte)crc ^ value] ^ (crc >> 8);
        }

        return ~crc;
    }

    /// <summary>The checksum of two pieces behind each other, so that they can be computed apart.</summary>
    /// <param name="first">Of the first piece.</param>
    /// <param name="second">Of the second piece.</param>
    /// <param name="secondByteCount">Bytes of the second piece.</param>
    public static uint Combine(uint first, uint second, long secondByteCount) =>
        Multiply(XToThe8Times(secondByteCount), first) ^ second;

    // Polynomials over GF(2) are stored with the coefficient of x⁰ in the highest bit.
    private static uint TimesX(uint value) => (value & 1) == 0 ? value >> 1 : (value >> 1) ^ Polynomial;

    private static uint Multiply(uint left, uint right)
    {
        uint product = 0;
        for (uint bit = 1u << 31; bit != 0; bit >>= 1, right = TimesX(right))
        {
            product ^= (left & bit) == 0 ? 0 : right;
        }

        return product;
    }

    private static uint XToThe8Times(long count)
    {
        uint power = 1u << 31;
        uint square = 1u << 23;
        for (long rest = count; rest > 0; rest >>= 1, square = Multiply(square, square))
        {
            power = (rest & 1) == 0 ? power : Multiply(power, square);
        }

        return power;
    }
}
