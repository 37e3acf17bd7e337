using System.Text;
using System.Text.Json;
using ExpoCluster.Core.Checkpoints.Understanding;

namespace ExpoCluster.Core.Checkpoints.Tokenizers;

/// <summary>What a checkpoint's tokenizer files say, where a recipe asks for it.</summary>
internal static class TokenizerFiles
{
    public const string Json = "tokenizer.json";

    public const string Config = "tokenizer_config.json";

    /// <summary>Every token that <c>tokenizer.json</c> has, by its id; null where there is none, or it cannot be read.</summary>
    public static Dictionary<long, string>? TokensByIdOf(CheckpointFolder folder)
    {
        try
        {
            var tokens = new Dictionary<long, string>();
            TokenJson.ReadTokenizer(folder.ReadBeside(Json, TokenizerDifference.MaxBytes) ?? [], tokens);
            return tokens.Count == 0 ? null : tokens;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    /// <summary>The chat template, from the file of its own or from the tokenizer's configuration; null for none.</summary>
    public static string? ChatTemplateOf(CheckpointFolder folder)
    {
        string? template = folder.ReadBeside("chat_template.jinja", TokenizerDifference.MaxBytes) is { } text
            ? Encoding.UTF8.GetString(text)
            : ConfigFacts.Parse(folder.ReadBeside(Config, TokenizerDifference.MaxBytes))?.Find("chat_template")?.Text;
        return template?.Trim() is { Length: > 0 } trimmed and not "null" ? trimmed : null;
    }
}
