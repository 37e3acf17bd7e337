using System.Collections.Immutable;
using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace ExpoCluster.Core.Recipes;

/// <summary>Reads a recipe file as YAML events: nothing is ever constructed from it, and its size is bounded.</summary>
internal sealed class RecipeYaml
{
    /// <summary>Of the file; a character has at most four.</summary>
    internal const int MaxBytes = 4 * MaxCharacters;

    internal const int MaxCharacters = 1 << 20;

    private const int MaxDepth = 32;

    private readonly ImmutableDictionary<string, DraftValue>.Builder values =
        ImmutableDictionary.CreateBuilder<string, DraftValue>(StringComparer.Ordinal);

    private readonly ImmutableArray<RecipeProblem>.Builder problems = ImmutableArray.CreateBuilder<RecipeProblem>();
    private readonly string fileName;
    private bool mergekitIsReported;

    private RecipeYaml(string fileName) => this.fileName = fileName;

    public static (ImmutableDictionary<string, DraftValue> Values, ImmutableArray<RecipeProblem> Problems) Read(string text, string fileName)
    {
        var yaml = new RecipeYaml(fileName);
        if (text.Length > MaxCharacters)
        {
            yaml.problems.Add(RecipeProblems.TooLarge(fileName, $"longer than {MaxCharacters} characters"));
        }
        else
        {
            yaml.ReadDocument(text);
        }

        return (yaml.values.ToImmutable(), yaml.problems.ToImmutable());
    }

    private void ReadDocument(string text)
    {
        try
        {
            var parser = new Parser(new StringReader(text));
            parser.Consume<StreamStart>();
            if (!parser.TryConsume<DocumentStart>(out _) || !parser.TryConsume<MappingStart>(out MappingStart? recipe))
            {
                problems.Add(RecipeProblems.NoMapping(fileName));
                return;
            }

            RefuseAnchor(recipe, fileName);

            while (!parser.TryConsume<MappingEnd>(out _))
            {
                ReadPair(parser);
            }

            parser.Consume<DocumentEnd>();
            if (!parser.TryConsume<StreamEnd>(out _))
            {
                problems.Add(RecipeProblems.NoMapping(fileName));
            }
        }
        catch (YamlException exception)
        {
            string message = exception.InnerException?.Message ?? exception.Message;
            problems.Add(RecipeProblems.Syntax(Position(exception.Start), message));
        }
        catch (Exception exception) when (exception is InvalidOperationException or ArgumentException or EndOfStreamException)
        {
            // The library's scanner gives up like this on some damaged scalars, tags and directives.
            problems.Add(RecipeProblems.Syntax(fileName, "a value cannot be read"));
        }
    }

    private void ReadPair(Parser parser)
    {
        if (!parser.TryConsume<Scalar>(out Scalar? key))
        {
            problems.Add(RecipeProblems.NoMapping(Where(fileName, parser.Current!.Start)));
            SkipNode(parser);
            SkipNode(parser);
            return;
        }

        RefuseAnchor(key, key.Value);
        string path = Where(key.Value, key.Start);
        if (!RecipeKeys.All.Contains(key.Value))
        {
            AddForeignKey(path, key.Value);
            SkipNode(parser);
            return;
        }

        DraftValue value = ReadValue(parser, key.Value, path);
        if (!values.TryAdd(key.Value, value))
        {
            problems.Add(RecipeProblems.DuplicateKey(path, key.Value));
        }
    }

    // One on a value is the value's own problem, which an option mends.
    private void RefuseAnchor(NodeEvent node, string what)
    {
        if (!node.Anchor.IsEmpty)
        {
            problems.Add(RecipeProblems.Alias(Where(what, node.Start)));
        }
    }

    private void AddForeignKey(string path, string key)
    {
        if (!RecipeKeys.Mergekit.Contains(key))
        {
            problems.Add(RecipeProblems.UnknownKey(path, key));
        }
        else if (!mergekitIsReported)
        {
            // All of a mergekit configuration's keys mean the same.
            mergekitIsReported = true;
            problems.Add(RecipeProblems.MergekitKey(path, key));
        }
    }

    private DraftValue ReadValue(Parser parser, string key, string path)
    {
        if (parser.TryConsume<AnchorAlias>(out _))
        {
            return new DraftValue("", path, RecipeProblems.Alias(path));
        }

        if (RecipeKeys.Lists.Contains(key) && parser.TryConsume<SequenceStart>(out SequenceStart? list))
        {
            DraftValue entries = new YamlEntries(parser, key, () => SkipNode(parser)).Read(path);
            return list.Anchor.IsEmpty ? entries : entries with { Problem = RecipeProblems.Alias(path) };
        }

        if (!parser.TryConsume<Scalar>(out Scalar? scalar))
        {
            SkipNode(parser);
            return new DraftValue("", path, RecipeProblems.NotAScalar(path, key));
        }

        return new DraftValue(scalar.Value, path, scalar switch
        {
            { Anchor.IsEmpty: false } => RecipeProblems.Alias(path),
            _ when IsEmpty(scalar) => RecipeProblems.EmptyValue(path),
            _ => null,
        });
    }

    // YAML's nulls are no texts: "out: null" must not name a directory.
    private static bool IsEmpty(Scalar scalar) =>
        scalar.Value.Length == 0 || (scalar.Style == ScalarStyle.Plain && scalar.Value is "~" or "null" or "Null" or "NULL");

    // Aliases are never followed, so a bomb of them stays as small as it is written.
    private void SkipNode(Parser parser)
    {
        int depth = 0;
        do
        {
            ParsingEvent node = parser.Consume<ParsingEvent>();
            depth += node.NestingIncrease;
            if (node is AnchorAlias)
            {
                problems.Add(RecipeProblems.Alias(Where(fileName, node.Start)));
            }

            if (depth > MaxDepth)
            {
                throw new YamlException(node.Start, node.End, $"nested deeper than {MaxDepth} levels");
            }
        }
        while (depth > 0);
    }

    private string Position(Mark mark) =>
        string.Create(CultureInfo.InvariantCulture, $"{fileName} (line {mark.Line}, column {mark.Column})");

    private static string Where(string what, Mark mark) => string.Create(CultureInfo.InvariantCulture, $"{what} (line {mark.Line})");
}
