using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Checkpoints.Tokenizers;

/// <summary>Ids that mean another token in base than in aligned, though their rows are joined.</summary>
/// <param name="FileName">Where the two were read.</param>
/// <param name="Count">How many ids.</param>
/// <param name="Compared">Ids that both have.</param>
/// <param name="First">The least of them, with base's token and aligned's.</param>
internal sealed record TokenizerDifference(string FileName, int Count, int Compared, IReadOnlyList<(long Id, string InBase, string InAligned)> First)
{
    /// <summary>Bytes. The largest vocabularies take some thirty megabytes.</summary>
    public const int MaxBytes = 64 << 20;

    private const int MaxShown = 3;

    // Added over whichever vocabulary there is.
    private const string AddedTokens = "added_tokens.json";
    private const string TokenizerConfig = TokenizerFiles.Config;

    private const string Tekken = "tekken.json";

    /// <summary>Files that a tokenizer's tokens lie in. What loaders prefer stands first.</summary>
    public static readonly ImmutableArray<string> Vocabularies =
    [
        TokenizerFiles.Json, Tekken, "vocab.json", "vocab.txt", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model",
        "tiktoken.model", "tokenizer.tiktoken", "qwen.tiktoken", "hy.tiktoken",
    ];

    /// <summary>Compares what both have of the same kind.</summary>
    /// <param name="ofBase">Reads a file of base's tokenizer; null where there is none.</param>
    /// <param name="ofAligned">The same of aligned's.</param>
    /// <param name="areSame">Tells without reading that both have the same file of a name; null where nothing tells.</param>
    /// <returns>Null where no id means two tokens, or nothing can be compared.</returns>
    public static TokenizerDifference? Find(Func<string, byte[]?> ofBase, Func<string, byte[]?> ofAligned, Func<string, bool>? areSame = null)
    {
        bool AreSame(string name) => areSame?.Invoke(name) == true;

        foreach (string name in Vocabularies)
        {
            string[] over = OverOf(name);
            if (AreSame(name) && over.All(file => AreSame(file) || AreEqual(file, ofBase(file), ofAligned(file))))
            {
                return null;
            }

            if (ofBase(name) is { } one && ofAligned(name) is { } two)
            {
                bool areEqual = one.AsSpan().SequenceEqual(two) && over.All(file => AreEqual(file, ofBase(file), ofAligned(file)));
                return areEqual ? null : Compare(name, TokensOf(name, one, over, ofBase), TokensOf(name, two, over, ofAligned));
            }
        }

        return null;
    }

    /// <summary>The file holds tokens that are added over a vocabulary.</summary>
    public static bool IsAdded(string name) => name is AddedTokens or TokenizerConfig;

    public override string ToString()
    {
        string first = string.Join(", ", First.Select(row => string.Create(
            CultureInfo.InvariantCulture, $"{row.Id} ('{Printable.Of(row.InBase)}' in base, '{Printable.Of(row.InAligned)}' in aligned)")));
        return string.Create(
            CultureInfo.InvariantCulture, $"{FileName}: {Count:N0} of {Compared:N0} ids {(Count == 1 ? "means another token:" : "mean another token, the first ones")} {first}");
    }

    private static string[] OverOf(string name) => name switch
    {
        TokenizerFiles.Json => [TokenizerConfig],
        // It holds its special tokens itself.
        Tekken => [],
        _ => [AddedTokens, TokenizerConfig],
    };

    // They hold more than tokens: the chat template is in one of them, and often differs.
    private static bool AreEqual(string name, byte[]? one, byte[]? two)
    {
        var ofOne = new Dictionary<long, string>();
        var ofTwo = new Dictionary<long, string>();
        bool areRead = TryRead(name, one ?? [], ofOne) & TryRead(name, two ?? [], ofTwo);
        return one.AsSpan().SequenceEqual(two) || (areRead && ofOne.Count == ofTwo.Count && ofOne.All(token => ofTwo.GetValueOrDefault(token.Key) == token.Value));
    }

    private static TokenizerDifference? Compare(string name, Dictionary<long, string>? one, Dictionary<long, string>? two)
    {
        if (one is null || two is null)
        {
            return null;
        }

        long[] both = [.. one.Keys.Where(two.ContainsKey)];
        long[] differing = [.. both.Where(id => one[id] != two[id]).Order()];
        return differing.Length == 0
            ? null
            : new TokenizerDifference(name, differing.Length, both.Length, [.. differing.Take(MaxShown).Select(id => (id, one[id], two[id]))]);
    }

    private static Dictionary<long, string>? TokensOf(string name, byte[] content, string[] over, Func<string, byte[]?> read)
    {
        var tokens = new Dictionary<long, string>();
        if (!TryRead(name, content, tokens))
        {
            return null;
        }

        foreach (string file in over)
        {
            if (read(file) is { } more)
            {
                TryRead(file, more, tokens);
            }
        }

        return tokens;
    }

    private static bool TryRead(string name, byte[] content, Dictionary<long, string> tokens)
    {
        try
        {
            Read(name, content, tokens);
            return true;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException or OverflowException)
        {
            // What is no tokenizer is the loader's to say; it tells nothing about rows.
            return false;
        }
    }

    private static void Read(string name, byte[] content, Dictionary<long, string> tokens)
    {
        switch (name)
        {
            case TokenizerFiles.Json:
                TokenJson.ReadTokenizer(content, tokens);
                break;
            case "vocab.json" or AddedTokens:
                TokenJson.ReadMap(content, tokens);
                break;
            case TokenizerConfig:
                TokenJson.ReadDecoder(content, tokens);
                break;
            case Tekken:
                TokenJson.ReadTekken(content, tokens);
                break;
            case "vocab.txt":
                ReadLines(content, tokens);
                break;
            case not null when name.Contains("tiktoken", StringComparison.Ordinal) || TokenBytes.IsText(content):
                TokenBytes.ReadLines(content, tokens);
                break;
            default:
                SentencePieces.Read(content, tokens);
                break;
        }
    }

    private static void ReadLines(byte[] content, Dictionary<long, string> tokens)
    {
        long id = 0;
        foreach (string line in Encoding.UTF8.GetString(content).TrimEnd('\n').Split('\n'))
        {
            tokens[id++] = line.TrimEnd('\r');
        }
    }
}
