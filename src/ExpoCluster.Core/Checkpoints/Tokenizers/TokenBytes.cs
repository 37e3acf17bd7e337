using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace ExpoCluster.Core.Checkpoints.Tokenizers;

/// <summary>Reads vocabularies whose tokens are bytes in base64, as tiktoken writes them: a token and its rank on each line.</summary>
internal static class TokenBytes
{
    private const int MaxTokens = 1 << 20;

    /// <summary>The file is of this kind; SentencePiece has models under the same name, and none of them begins with a letter.</summary>
    public static bool IsText(ReadOnlySpan<byte> content) =>
        content.IndexOf((byte)'\n') is > 0 and var end && TrySplit(content[..end], out _, out _);

    /// <summary>Adds every token by its rank, which is its id.</summary>
    /// <exception cref="FormatException">A line is something else.</exception>
    public static void ReadLines(ReadOnlySpan<byte> content, Dictionary<long, string> tokens)
    {
        while (!content.IsEmpty)
        {
            int end = content.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = content[..(end < 0 ? content.Length : end)].TrimEnd("\r "u8);
            content = end < 0 ? [] : content[(end + 1)..];
            if (line.IsEmpty)
            {
                continue;
            }

            tokens[TrySplit(line, out string token, out long rank) && tokens.Count < MaxTokens ? rank : throw new FormatException("A line that is no token and its rank.")] = token;
        }
    }

    /// <summary>For people and for comparison: text where the bytes are some, else their digits.</summary>
    public static string Shown(ReadOnlySpan<byte> token) => Utf8.IsValid(token) ? Encoding.UTF8.GetString(token) : "0x" + Convert.ToHexString(token);

    private static bool TrySplit(ReadOnlySpan<byte> line, out string token, out long rank)
    {
        token = "";
        rank = 0;
        line = line.TrimEnd("\r "u8);
        int space = line.IndexOf((byte)' ');
        if (space <= 0 || !long.TryParse(line[(space + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out rank))
        {
            return false;
        }

        byte[] bytes = new byte[Base64.GetMaxDecodedFromUtf8Length(space)];
        if (Base64.DecodeFromUtf8(line[..space], bytes, out _, out int written) != OperationStatus.Done)
        {
            return false;
        }

        token = Shown(bytes.AsSpan(0, written));
        return true;
    }
}
