using System.Collections.Immutable;
using System.Text.Json;

namespace ExpoCluster.Core.Recipes;

/// <summary>Reads a recipe that came as JSON from somebody else: nothing in it is trusted, and everything wrong with it is told.</summary>
internal sealed class RequestDraft
{
    /// <summary>A recipe has some fifteen.</summary>
    private const int MaxKeys = 100;

    private readonly ImmutableArray<RecipeProblem>.Builder problems = ImmutableArray.CreateBuilder<RecipeProblem>();

    private RequestDraft()
    {
    }

    /// <param name="recipe">An object with a recipe's keys; a null is as good as nothing.</param>
    /// <param name="beside">Keys that mean something to the caller.</param>
    public static (ImmutableDictionary<string, DraftValue> Values, ImmutableArray<RecipeProblem> Problems) Read(
        JsonElement recipe, string[] beside)
    {
        var draft = new RequestDraft();
        ImmutableDictionary<string, DraftValue> values = recipe.ValueKind == JsonValueKind.Object
            ? draft.ReadValues(recipe, beside)
            : draft.NoMapping();
        return (values, draft.problems.ToImmutable());
    }

    private ImmutableDictionary<string, DraftValue> NoMapping()
    {
        problems.Add(RecipeProblems.NoMapping("recipe"));
        return ImmutableDictionary<string, DraftValue>.Empty;
    }

    private ImmutableDictionary<string, DraftValue> ReadValues(JsonElement recipe, string[] beside)
    {
        var values = ImmutableDictionary.CreateBuilder<string, DraftValue>(StringComparer.Ordinal);
        if (recipe.GetPropertyCount() > MaxKeys)
        {
            problems.Add(RecipeProblems.TooLarge("recipe", $"longer than {MaxKeys} keys"));
            return values.ToImmutable();
        }

        foreach (JsonProperty property in recipe.EnumerateObject())
        {
            if (RecipeKeys.All.Contains(property.Name))
            {
                if (property.Value.ValueKind != JsonValueKind.Null && !values.TryAdd(property.Name, ReadValue(property.Name, property.Value)))
                {
                    problems.Add(RecipeProblems.DuplicateKey(property.Name, property.Name));
                }
            }
            else if (!beside.Contains(property.Name))
            {
                problems.Add(RecipeKeys.Mergekit.Contains(property.Name)
                    ? RecipeProblems.MergekitKey(property.Name, property.Name)
                    : RecipeProblems.UnknownKey(property.Name, property.Name));
            }
        }

        return values.ToImmutable();
    }

    private static DraftValue ReadValue(string key, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Array && RecipeKeys.Lists.Contains(key))
        {
            return value.GetArrayLength() > RecipeKeys.MaxEntries
                ? new DraftValue("", key, RecipeProblems.TooLarge(key, $"longer than {RecipeKeys.MaxEntries} entries in {key}"))
                : new DraftValue("", key) { Entries = [.. value.EnumerateArray().Select((entry, index) => ReadEntry($"{key}[{index}]", entry))] };
        }

        return TextOf(value) switch
        {
            null => new DraftValue("", key, RecipeProblems.NotAScalar(key, key)),
            "" => new DraftValue("", key, RecipeProblems.EmptyValue(key)),
            { } text => new DraftValue(text, key),
        };
    }

    private static DraftEntry ReadEntry(string path, JsonElement entry) => entry.ValueKind == JsonValueKind.Object
        ? new DraftEntry(path, null, [.. entry.EnumerateObject().Select(field => KeyValuePair.Create(field.Name, TextOf(field.Value)))])
        : new DraftEntry(path, TextOf(entry), []);

    private static string? TextOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => Decoded(value),
        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => value.GetRawText(),
        _ => null,
    };

    // Half a surrogate pair can be written in JSON, but is no text.
    private static string? Decoded(JsonElement value)
    {
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
