using System.Text;

namespace ExpoCluster.Core.Checkpoints.Tokenizers;

/// <summary>Reads the pieces out of a model of SentencePiece, <c>tokenizer.model</c>: a protocol buffer whose first field, again and again, is a piece.</summary>
internal static class SentencePieces
{
    private const int MaxPieces = 1 << 20;
    private const ulong LengthDelimited = 2;
    private const ulong FirstField = (1 << 3) | LengthDelimited;

    /// <summary>Adds every piece with its place, which is its id.</summary>
    /// <exception cref="FormatException">The bytes are no such model.</exception>
    public static void Read(ReadOnlySpan<byte> model, Dictionary<long, string> tokens)
    {
        long id = 0;
        while (!model.IsEmpty)
        {
            ulong tag = TakeNumber(ref model);
            ReadOnlySpan<byte> field = TakeField(ref model, tag);
            if (tag == FirstField)
            {
                tokens[id++] = id <= MaxPieces ? PieceOf(field) : throw new FormatException("More pieces than any vocabulary has.");
            }
        }
    }

    private static string PieceOf(ReadOnlySpan<byte> message)
    {
        while (!message.IsEmpty)
        {
            ulong tag = TakeNumber(ref message);
            ReadOnlySpan<byte> field = TakeField(ref message, tag);
            if (tag == FirstField)
            {
                return Encoding.UTF8.GetString(field);
            }
        }

        throw new FormatException("A piece without text.");
    }

    private static ReadOnlySpan<byte> TakeField(ref ReadOnlySpan<byte> bytes, ulong tag)
    {
        switch (tag & 7)
        {
            case 0:
                TakeNumber(ref bytes);
                return [];
            case 1:
                return Take(ref bytes, sizeof(ulong));
            case LengthDelimited:
                return Take(ref bytes, TakeNumber(ref bytes));
            case 5:
                return Take(ref bytes, sizeof(uint));
            default:
                throw new FormatException("A field of no kind that is known.");
        }
    }

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> bytes, ulong count)
    {
        if (count > (ulong)bytes.Length)
        {
            throw new FormatException("A field ends behind the file.");
        }

        ReadOnlySpan<byte> taken = bytes[..(int)count];
        bytes = bytes[(int)count..];
        return taken;
    }

    private static ulong TakeNumber(ref ReadOnlySpan<byte> bytes)
    {
        ulong number = 0;
        for (int shift = 0; shift < 64 && !bytes.IsEmpty; shift += 7)
        {
            byte next = bytes[0];
            bytes = bytes[1..];
            number |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return number;
            }
        }

        throw new FormatException("A number without end.");
    }
}
