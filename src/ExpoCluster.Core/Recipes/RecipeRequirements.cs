using System.Globalization;

namespace ExpoCluster.Core.Recipes;

/// <summary>What must hold of both checkpoints for a recipe to mean what its author meant.</summary>
/// <param name="Layers">Both have so many; null for any number.</param>
/// <param name="IsTokenizerShared">Both have one tokenizer, and for each of its tokens a row, and no other rows.</param>
/// <param name="IsChatTemplateShared">Aligned's chat template is the only one.</param>
public sealed record RecipeRequirements(int? Layers = null, bool IsTokenizerShared = false, bool IsChatTemplateShared = false)
{
    /// <summary>For people who mistyped one.</summary>
    internal const string Words = LayersWord + "N, " + TokenizerWord + ", " + TemplateWord;

    private const string LayersWord = "layers=";

    private const string TokenizerWord = "same-tokenizer";

    private const string TemplateWord = "same-chat-template";

    /// <summary>Any two checkpoints.</summary>
    public static RecipeRequirements None { get; } = new();

    /// <summary>The words of a recipe, with commas between them; null where one is not known.</summary>
    public static RecipeRequirements? Parse(string text)
    {
        RecipeRequirements? found = None;
        foreach (string word in text.Split(',', StringSplitOptions.TrimEntries))
        {
            found = word switch
            {
                TokenizerWord => found with { IsTokenizerShared = true },
                TemplateWord => found with { IsChatTemplateShared = true },
                _ when word.StartsWith(LayersWord, StringComparison.Ordinal)
                    && int.TryParse(word.AsSpan(LayersWord.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int layers) => found with { Layers = layers },
                _ => null,
            };
            if (found is null)
            {
                return null;
            }
        }

        return found;
    }

    /// <summary>What <see cref="Parse"/> reads.</summary>
    public override string ToString() => string.Join(", ", new[]
    {
        Layers is { } layers ? string.Create(CultureInfo.InvariantCulture, $"{LayersWord}{layers}") : null,
        IsTokenizerShared ? TokenizerWord : null,
        IsChatTemplateShared ? TemplateWord : null,
    }.OfType<string>());
}
