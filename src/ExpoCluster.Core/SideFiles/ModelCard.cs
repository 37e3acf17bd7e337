using System.Text.Json;
using System.Text.RegularExpressions;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Core.SideFiles;

/// <summary>What a model card says.</summary>
/// <param name="Recipe">The recipe that was run.</param>
/// <param name="OutputDtypes">The dtypes of the written tensors in words, for example <c>BF16</c>.</param>
/// <param name="Version">The version of ExpoCluster that wrote the model.</param>
public sealed record ModelCardFacts(Recipe Recipe, string OutputDtypes, string Version)
{
    /// <summary>How much of the model was computed; null to say nothing of it.</summary>
    public Coverage? Coverage { get; init; }
}

/// <summary>The <c>README.md</c> of a merged model, in the form that the Hub reads.</summary>
public static partial class ModelCard
{
    public static string Render(ModelCardFacts facts)
    {
        Recipe recipe = facts.Recipe;
        string aligned = ModelName.Of(recipe.Aligned).Name;
        string baseName = ModelName.Of(recipe.Base).Name;
        string numerics = recipe.Numerics.Word();
        return $"""
            ---
            base_model:
            - {YamlText(aligned)}
            - {YamlText(baseName)}
            base_model_relation: merge
            library_name: transformers
            tags:
            - expo
            - merge
            - expocluster
            ---

            # {MarkdownText(recipe.Name ?? aligned + "-expo")}

            {Origin(recipe, MarkdownText(aligned), MarkdownText(baseName))}

            ```
            merged = aligned + alpha * (aligned - base)
            ```

            | | |
            |---|---|
            | aligned | {MarkdownText(aligned)} |
            | base | {MarkdownText(baseName)} |
            | alpha | {MarkdownText(recipe.Alpha.ToString())} |
            | numerics | {numerics} |
            | dtype | {facts.OutputDtypes} |{CoverageRow(facts.Coverage)}

            Configuration, tokenizer and licence are those of {MarkdownText(aligned)}; its terms apply.

            ## Make it again

            ```yaml
            {RecipeYaml(recipe)}
            ```

            Made with ExpoCluster {facts.Version}. `expocluster.json` records the inputs and the digest of every block;
            `expocluster verify` checks them.

            """.ReplaceLineEndings("\n");
    }

    // A negative alpha interpolates, or goes on beyond base.
    private static string Origin(Recipe recipe, string aligned, string baseName) => recipe.Alpha.Single < 0
        ? $"""
            This model was made without training, as a weighted sum of two models: its weights lie on the line through those
            of {aligned} and {baseName}.
            """
        : $"""
            This model was made without training by ExPO (model extrapolation, [arXiv 2404.16792](https://arxiv.org/abs/2404.16792)):
            the weights of {aligned} were moved on in the direction in which preference training
            had moved them away from {baseName}.
            """;

    private static string CoverageRow(Coverage? coverage) => coverage is null ? "" : $"\n| coverage | {MarkdownText(coverage.ToString())} |";

    // Everything that decides about the bytes.
    private static string RecipeYaml(Recipe recipe)
    {
        using var canonical = JsonDocument.Parse(ModelName.PublicForm(recipe).ToCanonicalJson());
        return string.Join('\n', canonical.RootElement.EnumerateObject().Select(pair => $"{pair.Name}:{YamlValue(pair.Value)}"));
    }

    private static string YamlValue(JsonElement value) => value.ValueKind == JsonValueKind.Array
        ? string.Concat(value.EnumerateArray().Select(entry => "\n- " + YamlEntry(entry)))
        : " " + YamlScalar(value);

    private static string YamlEntry(JsonElement entry) => entry.ValueKind == JsonValueKind.Object
        ? string.Join("\n  ", entry.EnumerateObject().Select(field => $"{field.Name}: {YamlScalar(field.Value)}"))
        : YamlScalar(entry);

    private static string YamlScalar(JsonElement value) =>
        value.ValueKind == JsonValueKind.Number ? value.GetRawText() : YamlText(value.GetString()!);

    // Plain where nobody could take it for anything but this text, else in single quotes, in which only the quote is special.
    private static string YamlText(string text) =>
        PlainYaml().IsMatch(text) ? text : $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    [GeneratedRegex(
        "^(?!(true|false|yes|no|on|off|null|y|n)$)([a-z][a-z0-9_./-]*|hf:[a-z0-9_./@-]+)$",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex PlainYaml();

    private static string MarkdownText(string text) => MarkdownSpecial().Replace(text, @"\$0");

    [GeneratedRegex(@"[\\`*_\[\]<>|#]")]
    private static partial Regex MarkdownSpecial();
}
