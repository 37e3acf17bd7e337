using System.Buffers.Binary;
using System.Text;

namespace ExpoCluster.Tensors.Torch;

/// <summary>Takes bytes, numbers and texts off a pickle, each length checked against what is left before anything is made of it.</summary>
/// <param name="pickle">Its bytes.</param>
/// <param name="fileOffset">Of the pickle in its file, for errors.</param>
/// <param name="file">For errors.</param>
internal sealed class PickleCursor(ReadOnlyMemory<byte> pickle, long fileOffset, string file)
{
    private const int LongestLine = 1024;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private int position;
    private int opcodePosition;

    public int Remaining => pickle.Length - position;

    public byte TakeOpcode()
    {
        opcodePosition = position;
        return Take(1)[0];
    }

    public byte TakeByte() => Take(1)[0];

    public int TakeUInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    public int TakeInt32() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));

    public uint TakeUInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public ulong TakeUInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    public ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)Remaining)
        {
            throw Broken(TorchRules.PickleIsWhole, $"{count} bytes more", $"{Remaining}");
        }

        ReadOnlySpan<byte> taken = pickle.Span.Slice(position, (int)count);
        position += (int)count;
        return taken;
    }

    public string TakeText(ulong byteCount)
    {
        try
        {
            return StrictUtf8.GetString(Take(byteCount));
        }
        catch (DecoderFallbackException)
        {
            throw Broken(TorchRules.PickleIsWellFormed, "a text in UTF-8", "other bytes");
        }
    }

    /// <summary>A name, which ends with its line.</summary>
    public string TakeLine()
    {
        ReadOnlySpan<byte> rest = pickle.Span[position..];
        int length = rest[..Math.Min(rest.Length, LongestLine)].IndexOf((byte)'\n');
        if (length < 0)
        {
            throw rest.Length < LongestLine
                ? Broken(TorchRules.PickleIsWhole, "the end of a line", "the end of the pickle")
                : Broken(TorchRules.PickleIsWellFormed, $"a name of at most {LongestLine} bytes", "more");
        }

        string line = TakeText((ulong)length);
        position++;
        return line;
    }

    /// <summary>An error at the instruction that was taken last.</summary>
    public TensorFileException Broken(TensorFileRule rule, string? expected, string? found) =>
        rule.Broken(file, offset: fileOffset + opcodePosition, expected: expected, found: found);
}
