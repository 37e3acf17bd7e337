using System.Text;
using ExpoCluster.Core.Checkpoints.Tokenizers;

namespace ExpoCluster.Core.Tests.Checkpoints.Tokenizers;

/// <summary>Rows of embeddings and heads are joined by position, so both tokenizers must mean the same token by each.</summary>
public sealed class TokenizerDifferenceTests
{
    private const string Bpe = """{"version": "1.0", "added_tokens": [{"id": 0, "content": "<s>", "special": true}], "model": {"type": "BPE", "vocab": {"<s>": 0, "a": 1, "b": 2, "c": 3}, "merges": [["a", "b"], "x y"]}}""";

    private const string TekkenHead = "{\"config\": {\"default_vocab_size\": 10, \"default_num_special_tokens\": 2, \"pattern\": \"x\"}, \"vocab\": ";

    [Theory]
    [InlineData("tokenizer.json", Bpe, """{"model": {"vocab": {"<s>": 0, "a": 1, "new": 2, "b": 3, "c": 4}}}""", 2, "b", "new")]
    [InlineData("tokenizer.json", """{"model": {"vocab": [["<s>", 0.0], ["a", -1.5], ["b", -2]]}}""", """{"model": {"vocab": [["<s>", 0], ["new", -1], ["a", -2]]}}""", 1, "a", "new")]
    [InlineData("tokenizer.json", Bpe, """{"model": {"vocab": {"<s>": 0, "a": 1, "b": 2, "c": 3}}, "added_tokens": [{"content": "<pad>", "id": 3}]}""", 3, "c", "<pad>")]
    [InlineData("vocab.json", """{"a": 0, "b": 1}""", """{"b": 0, "a": 1}""", 0, "a", "b")]
    [InlineData("vocab.txt", "[PAD]\na\nb\n", "[PAD]\na\nnew\nb\n", 2, "b", "new")]
    [InlineData("vocab.txt", "[PAD]\r\na\r\nb", "[PAD]\na\nc\n", 2, "b", "c")]
    [InlineData("qwen.tiktoken", "YQ== 0\nYg== 1\n", "YQ== 0\nYw== 1\n", 1, "b", "c")]
    [InlineData("tokenizer.model", "YQ== 0\r\n/w== 1\r\n", "YQ== 0\n/g== 1\n", 1, "0xFF", "0xFE")]
    [InlineData("tiktoken.model", "YQ== 0\n", "Yg== 0\n", 0, "a", "b")]
    [InlineData("tekken.json", TekkenHead + "[{\"rank\": 0, \"token_bytes\": \"YQ==\", \"token_str\": \"a\"}]}", TekkenHead + "[{\"rank\": 0, \"token_bytes\": \"Yg==\", \"token_str\": null}]}", 2, "a", "b")]
    [InlineData("tekken.json", TekkenHead + "[], \"special_tokens\": [{\"rank\": 1, \"token_str\": \"<s>\"}]}", TekkenHead + "[], \"special_tokens\": [{\"rank\": 1, \"token_str\": \"<t>\", \"is_control\": true}]}", 1, "<s>", "<t>")]
    public void The_first_id_that_means_another_token_is_told(string file, string ofBase, string ofAligned, long id, string inBase, string inAligned)
    {
        TokenizerDifference difference = Find([(file, ofBase)], [(file, ofAligned)])!;

        Assert.Equal((id, inBase, inAligned), difference.First[0]);
        Assert.Equal(file, difference.FileName);
        Assert.Contains($" {id} ('{inBase}' in base, '{inAligned}' in aligned)", difference.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tokenizer.json", Bpe, Bpe)]
    [InlineData("tokenizer.json", Bpe, """{"model": {"vocab": {"c": 3, "b": 2, "a": 1, "<s>": 0, "<pad>": 4}}, "truncation": {"x": [1, {}]}}""")]
    [InlineData("vocab.json", """{"a": 0}""", """{"a": 0, "b": 1}""")]
    [InlineData("vocab.txt", "a\nb", "a\nb\n")]
    [InlineData("tokenizer.json", "[]", Bpe)]
    [InlineData("tokenizer.json", """{"model": {"vocab": {"a": "b"}}}""", Bpe)]
    [InlineData("tokenizer.json", """{"model": {"vocab": {"a": 5""", Bpe)]
    [InlineData("tokenizer.json", """{"model": 5, "added_tokens": 3}""", Bpe)]
    [InlineData("other.json", "1", "2")]
    [InlineData("tekken.json", TekkenHead + "[{\"rank\": 9, \"token_bytes\": \"YQ==\"}]}", TekkenHead + "[{\"rank\": 9, \"token_bytes\": \"Yg==\"}]}")]
    [InlineData("tekken.json", TekkenHead + "[3, {\"rank\": 0, \"token_bytes\": \"?\"}]}", TekkenHead + "[{\"rank\": 0, \"token_bytes\": \"Yg==\"}]}")]
    [InlineData("qwen.tiktoken", "YQ== 0\nYg== 1\n", "YQ== 0\n\n")]
    [InlineData("qwen.tiktoken", "YQ== 0\nb\n", "Yg== 0\n")]
    [InlineData("qwen.tiktoken", "YQ== 0\nYQ== x\n", "Yg== 0\n")]
    public void Tokens_that_only_one_has_and_files_that_are_none_say_nothing(string file, string ofBase, string ofAligned) =>
        Assert.Null(Find([(file, ofBase)], [(file, ofAligned)]));

    [Fact]
    public void A_token_that_is_added_beside_the_vocabulary_counts()
    {
        const string Slow = """{"a": 0, "b": 1}""";

        TokenizerDifference byMap = Find([("vocab.json", Slow), ("added_tokens.json", """{"<x>": 2}""")], [("vocab.json", Slow), ("added_tokens.json", """{"<y>": 2}""")])!;
        TokenizerDifference byDecoder = Find(
            [("tokenizer.json", Bpe), ("tokenizer_config.json", """{"added_tokens_decoder": {"4": {"content": "<x>", "lstrip": false}}}""")],
            [("tokenizer.json", Bpe), ("tokenizer_config.json", """{"a": [{}], "added_tokens_decoder": {"4": {"content": "<y>"}, "5": 1}}""")])!;

        Assert.Equal([(2, "<x>", "<y>")], byMap.First);
        Assert.Equal([(4, "<x>", "<y>")], byDecoder.First);
        Assert.Null(Find([("tokenizer.json", Bpe), ("tokenizer_config.json", """{"chat_template": "x"}""")], [("tokenizer.json", Bpe), ("tokenizer_config.json", """{"chat_template": "y"}""")]));
    }

    [Fact]
    public void Pieces_of_SentencePiece_are_compared_and_what_is_no_model_is_not()
    {
        byte[] one = Pieces("<unk>", "▁a", "▁b");
        byte[] two = Pieces("<unk>", "▁new", "▁a");

        Assert.Equal((1, "▁a", "▁new"), TokenizerDifference.Find(name => name == "tokenizer.model" ? one : null, name => name == "tokenizer.model" ? two : null)!.First[0]);
        foreach (byte[] damaged in new byte[][] { [0x0A, 0x7F, 1], [0xFF], [0x0A, 0x00], [.. Enumerable.Repeat((byte)0xFF, 12)], [.. one[..^2]] })
        {
            Assert.Null(TokenizerDifference.Find(name => name == "tokenizer.model" ? one : null, name => name == "tokenizer.model" ? damaged : null));
        }
    }

    [Fact]
    public void Files_that_are_known_to_be_the_same_are_not_read()
    {
        static byte[]? Read(string name) => name == "added_tokens.json" ? null : throw new InvalidOperationException(name);

        Assert.Null(TokenizerDifference.Find(Read, Read, name => name is "tokenizer.json" or "tokenizer_config.json"));
    }

    [Fact]
    public void A_token_cannot_drive_a_terminal() => Assert.Contains(
        "'\\u001b[2J' in base", Find([("vocab.json", "{\"\\u001b[2J\": 0}")], [("vocab.json", "{\"a\": 0}")])!.ToString(), StringComparison.Ordinal);

    private static TokenizerDifference? Find((string Name, string Content)[] ofBase, (string Name, string Content)[] ofAligned)
    {
        static Func<string, byte[]?> Reader((string Name, string Content)[] files) =>
            name => files.FirstOrDefault(file => file.Name == name).Content is { } content ? Encoding.UTF8.GetBytes(content) : null;
        return TokenizerDifference.Find(Reader(ofBase), Reader(ofAligned));
    }

    // ModelProto: repeated SentencePiece pieces = 1 { string piece = 1; float score = 2; }, and a field that is none.
    private static byte[] Pieces(params string[] pieces)
    {
        IEnumerable<byte> Message(string piece)
        {
            byte[] text = Encoding.UTF8.GetBytes(piece);
            return [0x15, 0, 0, 0, 0, 0x0A, (byte)text.Length, .. text];
        }

        return [.. pieces.Select(piece => Message(piece).ToArray()).SelectMany(message => (byte[])[0x0A, (byte)message.Length, .. message]), 0x12, 0x01, 0x00];
    }
}
