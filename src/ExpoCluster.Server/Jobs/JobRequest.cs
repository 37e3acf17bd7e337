using System.Collections.Immutable;
using System.Text.Json;
using System.Text.RegularExpressions;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Recipes.BuiltIn;

namespace ExpoCluster.Server.Jobs;

/// <summary>What somebody asks to have merged or planned: checked, with paths that the server may touch.</summary>
/// <param name="Id">Chosen by the client; null to be known by recipe and output.</param>
/// <param name="Overwrite">Another model in the output directory is replaced.</param>
/// <param name="Recipe">With real paths.</param>
public sealed partial record JobRequest(string? Id, bool Overwrite, Recipe Recipe)
{
    private const string IdKey = "id";
    private const string OverwriteKey = "overwrite";
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
        bool overwrite = isObject && ReadOverwrite(body, problems);
        RecipeValidation validation = ReadDraft(body, isObject, problems).Validate();
        problems.AddRange(validation.Problems);
        Recipe? recipe = validation.Recipe is { } valid ? WithRealPaths(valid, resolve, problems) : null;
        if (needsOutput && validation.Recipe is { Output: null })
        {
            problems.Add(new RecipeProblem("EXPO2085", "out", "no output directory is given.", "add 'out', a directory of the server."));
        }

        return problems.Count == 0 ? new JobRequest(id, overwrite, recipe!) : throw new UsageException(problems.ToImmutable());
    }

    /// <summary>Whether a job could have this id.</summary>
    public static bool IsId(string text) => IdForm().IsMatch(text);

    private static string? ReadId(JsonElement body, ImmutableArray<RecipeProblem>.Builder problems)
    {
        if (!body.TryGetProperty(IdKey, out JsonElement value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        if (value.ValueKind == JsonValueKind.String && IsId(value.GetString()!))
        {
            return value.GetString();
        }

        problems.Add(new RecipeProblem(
            "EXPO2090", IdKey, $"{value.GetRawText()} is no id of a job.", "use lower-case letters, digits and dashes, at most 63, a letter or digit first."));
        return null;
    }

    private static bool ReadOverwrite(JsonElement body, ImmutableArray<RecipeProblem>.Builder problems)
    {
        if (!body.TryGetProperty(OverwriteKey, out JsonElement value))
        {
            return false;
        }

        if (value.ValueKind is not (JsonValueKind.True or JsonValueKind.False or JsonValueKind.Null))
        {
            problems.Add(new RecipeProblem("EXPO2091", OverwriteKey, $"{value.GetRawText()} is neither true nor false.", "give one of the two, or leave it out."));
        }

        return value.ValueKind == JsonValueKind.True;
    }

    private static RecipeDraft ReadDraft(JsonElement body, bool isObject, ImmutableArray<RecipeProblem>.Builder problems)
    {
        RecipeDraft draft = RecipeDraft.FromRequest(body, IdKey, OverwriteKey, RecipeKey);
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

    [GeneratedRegex(@"^[a-z0-9][a-z0-9-]{0,62}\z")]
    private static partial Regex IdForm();
}
