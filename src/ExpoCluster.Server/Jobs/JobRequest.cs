using System.Collections.Immutable;
using System.Text.Json;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Recipes.BuiltIn;

namespace ExpoCluster.Server.Jobs;

/// <summary>What somebody asks to have merged or planned: checked, with paths that the server may touch.</summary>
/// <param name="Id">Chosen by the client; null to be known by recipe and output.</param>
/// <param name="Overwrite">Another model in the output directory is replaced.</param>
/// <param name="Recipe">With real paths.</param>
public sealed record JobRequest(string? Id, bool Overwrite, Recipe Recipe)
{
    /// <summary>A few weights are looked at, to see whether the two models are related.</summary>
    public bool TakesSample { get; init; } = true;

    private const string IdKey = "id";
    private const string OverwriteKey = "overwrite";
    private const string NoSampleKey = "no_sample";
    private const string RecipeKey = "recipe";

    /// <param name="body">An object with the keys of a recipe and a few beside them.</param>
    /// <param name="resolve">Gives the real path that a field's path means, or throws.</param>
    /// <param name="needsOutput">Something is to be written.</param>
    /// <exception cref="UsageException">With everything that is wrong.</exception>
    public static JobRequest Read(JsonElement body, Func<string, string, string> resolve, bool needsOutput)
    {
        var problems = ImmutableArray.CreateBuilder<RecipeProblem>();
        bool isObject = body.ValueKind == JsonValueKind.Object;
        string? id = isObject ? ReadId(body, problems) : null;
        bool overwrite = isObject && ReadSwitch(body, OverwriteKey, problems);
        bool noSample = isObject && ReadSwitch(body, NoSampleKey, problems);
        RecipeValidation validation = ReadDraft(body, isObject, problems).Validate();
        problems.AddRange(validation.Problems);
        Recipe? recipe = validation.Recipe is { } valid ? WithRealPaths(valid, resolve, problems) : null;
        if (needsOutput && validation.Recipe is { Output: null })
        {
            problems.Add(new RecipeProblem("EXPO2085", "out", "no output directory is given.", "add 'out', a directory of the server."));
        }

        return problems.Count == 0 ? new JobRequest(id, overwrite, recipe!) { TakesSample = !noSample } : throw new UsageException(problems.ToImmutable());
    }

    private static string? ReadId(JsonElement body, ImmutableArray<RecipeProblem>.Builder problems)
    {
        if (!body.TryGetProperty(IdKey, out JsonElement value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        if (value.ValueKind == JsonValueKind.String && JobId.IsOne(value.GetString()!))
        {
            return value.GetString();
        }

        problems.Add(new RecipeProblem(
            "EXPO2090", IdKey, $"{value.GetRawText()} is no id of a job.", "use lower-case letters, digits and dashes, at most 63, a letter or digit first."));
        return null;
    }

    private static bool ReadSwitch(JsonElement body, string key, ImmutableArray<RecipeProblem>.Builder problems)
    {
        if (!body.TryGetProperty(key, out JsonElement value))
        {
            return false;
        }

        if (value.ValueKind is not (JsonValueKind.True or JsonValueKind.False or JsonValueKind.Null))
        {
            problems.Add(new RecipeProblem("EXPO2091", key, $"{value.GetRawText()} is neither true nor false.", "give one of the two, or leave it out."));
        }

        return value.ValueKind == JsonValueKind.True;
    }

    private static RecipeDraft ReadDraft(JsonElement body, bool isObject, ImmutableArray<RecipeProblem>.Builder problems)
    {
        RecipeDraft draft = RecipeDraft.FromRequest(body, IdKey, OverwriteKey, NoSampleKey, RecipeKey);
        if (!isObject || !body.TryGetProperty(RecipeKey, out JsonElement start) || start.ValueKind == JsonValueKind.Null)
        {
            return draft;
        }

        if (start.ValueKind != JsonValueKind.String)
        {
            return RecipeDraft.FromRequest(start).OverriddenBy(draft);
        }

        try
        {
            return BuiltInRecipes.Named(start.GetString()!).Draft().OverriddenBy(draft);
        }
        catch (UsageException unknown)
        {
            problems.AddRange(unknown.Problems);
            return draft;
        }
    }

    private static Recipe WithRealPaths(Recipe recipe, Func<string, string, string> resolve, ImmutableArray<RecipeProblem>.Builder problems)
    {
        string Resolve(string key, string path)
        {
            try
            {
                return resolve(key, path);
            }
            catch (UsageException refusal)
            {
                problems.AddRange(refusal.Problems);
                return path;
            }
        }

        return recipe with
        {
            Base = ResolveReference("base", recipe.Base, Resolve, problems),
            Aligned = ResolveReference("aligned", recipe.Aligned, Resolve, problems),
            Output = recipe.Output is null ? null : Resolve("out", recipe.Output),
        };
    }

    // A model of the Hub is no path; it lies below a root when it has been fetched.
    private static string ResolveReference(
        string key, string reference, Func<string, string, string> resolve, ImmutableArray<RecipeProblem>.Builder problems)
    {
        var parts = CheckpointReference.Of(reference);
        if (!HubReference.Matches(reference))
        {
            return (parts with { Place = resolve(key, parts.Place) }).ToString();
        }

        try
        {
            return (parts with { Place = HubReference.Parse(parts.Place).ToString() }).ToString();
        }
        catch (HubException malformed)
        {
            problems.Add(new RecipeProblem(malformed.Code, key, malformed.Message, malformed.Advice));
            return reference;
        }
    }
}
