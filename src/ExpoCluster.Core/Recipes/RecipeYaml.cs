using System.Collections.Immutable;
using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace ExpoCluster.Core.Recipes;

/// <summary>Reads a recipe file as YAML events: nothing is ever constructed from it, and its size is bounded.</summary>
internal sealed class RecipeYaml
{
    private const int MaxCharacters = 1 << 20;
    private const int MaxDepth = 32;

    private readonly ImmutableDictionary<string, DraftValue>.Builder values =
        ImmutableDictionary.CreateBuilder<string, DraftValue>(StringComparer.Ordinal);

    private readonly ImmutableArray<RecipeProblem>.Builder problems = ImmutableArray.CreateBuilder<RecipeProblem>();
    private readonly string fileName;

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
            if (!parser.TryConsume<DocumentStart>(out _) || !parser.TryConsume<MappingStart>(out _))
            {
                problems.Add(RecipeProblems.NoMapping(fileName));
                return;
            }

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
            problems.Add(RecipeProblems.Syntax(Where(fileName, exception.Start), exception.InnerException?.Message ?? exception.Message));
        }
        catch (InvalidOperationException)
        {
            // The library's scanner gives up like this on some plain scalars inside brackets.
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

        string path = Where(key.Value, key.Start);
        if (RecipeKeys.Mergekit.Contains(key.Value))
        {
            problems.Add(RecipeProblems.MergekitKey(path, key.Value));
            SkipNode(parser);
        }
        else if (!RecipeKeys.All.Contains(key.Value))
        {
            problems.Add(RecipeProblems.UnknownKey(path, key.Value));
            SkipNode(parser);
        }
        else if (parser.TryConsume<Scalar>(out Scalar? value))
        {
            Take(key.Value, path, value);
        }
        else
        {
            problems.Add(RecipeProblems.NotAScalar(path, key.Value));
            SkipNode(parser);
        }
    }

    private void Take(string key, string path, Scalar scalar)
    {
        if (!scalar.Anchor.IsEmpty)
        {
            problems.Add(RecipeProblems.Alias(path));
        }

        var value = new DraftValue(scalar.Value, path);
        if (values.ContainsKey(key))
        {
            problems.Add(RecipeProblems.DuplicateKey(path, key));
        }
        else if (scalar.Value.Length == 0)
        {
            problems.Add(RecipeProblems.EmptyValue(value));
        }

        values[key] = value;
    }

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

    private static string Where(string what, Mark mark) => string.Create(CultureInfo.InvariantCulture, $"{what} (line {mark.Line})");
}
