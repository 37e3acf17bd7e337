using System.Collections.Immutable;
using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace ExpoCluster.Core.Recipes;

/// <summary>Reads a list of a recipe file: texts, or mappings of texts to texts.</summary>
/// <param name="parser">Before the first entry.</param>
/// <param name="key">Of the list.</param>
/// <param name="skip">Passes over a node.</param>
internal sealed class YamlEntries(Parser parser, string key, Action skip)
{
    private readonly ImmutableArray<DraftEntry>.Builder entries = ImmutableArray.CreateBuilder<DraftEntry>();
    private RecipeProblem? problem;

    /// <param name="path">Of the list.</param>
    public DraftValue Read(string path)
    {
        while (!parser.TryConsume<SequenceEnd>(out _))
        {
            if (entries.Count < RecipeKeys.MaxEntries)
            {
                entries.Add(ReadEntry());
            }
            else
            {
                problem ??= RecipeProblems.TooLarge(path, $"longer than {RecipeKeys.MaxEntries} entries in {key}");
                skip();
            }
        }

        return new DraftValue("", path, problem) { Entries = entries.ToImmutable() };
    }

    private DraftEntry ReadEntry()
    {
        string path = string.Create(CultureInfo.InvariantCulture, $"{key} (line {parser.Current!.Start.Line})");
        RefuseAnchor(path);
        if (parser.TryConsume<MappingStart>(out _))
        {
            return new DraftEntry(path, null, ReadFields(path));
        }

        return new DraftEntry(path, ReadText(path), []);
    }

    private ImmutableArray<KeyValuePair<string, string?>> ReadFields(string path)
    {
        var fields = ImmutableArray.CreateBuilder<KeyValuePair<string, string?>>();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            fields.Add(KeyValuePair.Create(ReadText(path) ?? "", ReadText(path)));
        }

        return fields.ToImmutable();
    }

    // Null for what is no text, which the list's form will tell.
    private string? ReadText(string path)
    {
        RefuseAnchor(path);
        if (parser.TryConsume<Scalar>(out Scalar? text))
        {
            return text.Value;
        }

        if (!parser.TryConsume<AnchorAlias>(out _))
        {
            skip();
        }

        return null;
    }

    private void RefuseAnchor(string path)
    {
        if (parser.Current is AnchorAlias or NodeEvent { Anchor.IsEmpty: false })
        {
            problem ??= RecipeProblems.Alias(path);
        }
    }
}
