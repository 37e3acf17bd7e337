using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Recipes.BuiltIn;
using ExpoCluster.Tensors;

namespace ExpoCluster.Server.Dashboard;

/// <summary>What is written into the form of a new merge: a recipe's keys as text.</summary>
public sealed class MergeForm
{
    public string? Recipe { get; set; }

    public string? Name { get; set; }

    public string? Base { get; set; }

    public string? Aligned { get; set; }

    /// <summary>A number, or several with commas between them: then each gets an output of its own.</summary>
    public string? Alpha { get; set; }

    public string? Output { get; set; }

    public string? Numerics { get; set; }

    public string? Dtype { get; set; }

    public string? OnMismatch { get; set; }

    public string? MaxShardSize { get; set; }

    public bool Overwrite { get; set; }

    /// <exception cref="UsageException">There is no such recipe.</exception>
    public static MergeForm From(string? recipe)
    {
        if (recipe is null)
        {
            return new MergeForm();
        }

        BuiltInRecipe known = BuiltInRecipes.Named(recipe);
        return new MergeForm
        {
            Recipe = known.Name,
            Name = known.Name + "-expo",
            Base = "hf:" + known.Base,
            Aligned = "hf:" + known.Aligned,
            Alpha = known.Alpha.ToString(CultureInfo.InvariantCulture),
            Output = known.Name + "-expo",
        };
    }

    /// <summary>As a client of the API would send it.</summary>
    public JsonElement ToRequest()
    {
        var body = new JsonObject();
        Add("name", Name);
        Add("base", Base);
        Add("aligned", Aligned);
        AddAlpha(body);
        Add("out", Output);
        Add("numerics", Numerics);
        Add("dtype", Dtype);
        Add("on_mismatch", OnMismatch);
        Add("max_shard_size", MaxShardSize);
        if (Overwrite)
        {
            body["overwrite"] = true;
        }

        return JsonSerializer.SerializeToElement(body);

        void Add(string key, string? value)
        {
            if (!string.IsNullOrWhiteSpace(value))
            {
                body[key] = value.Trim();
            }
        }
    }

    private void AddAlpha(JsonObject body)
    {
        string[] words = (Alpha ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        JsonNode[] values = [.. words.Select(word => double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out double alpha) && double.IsFinite(alpha)
            ? JsonValue.Create(alpha)
            : (JsonNode)JsonValue.Create(word))];
        if (values.Length == 1)
        {
            body["alpha"] = values[0];
        }
        else if (values.Length > 1)
        {
            body["sweep"] = new JsonArray(values);
        }
    }
}

/// <summary>What is wrong with a form: at its fields where that is known, else over all of it.</summary>
public sealed class FormProblems
{
    private static readonly string[] Fields = ["name", "base", "aligned", "alpha", "out", "numerics", "dtype", "on_mismatch", "max_shard_size"];

    private readonly Dictionary<string, List<RecipeProblem>> atFields = new(StringComparer.Ordinal);

    public List<RecipeProblem> Others { get; } = [];

    public bool Any => atFields.Count > 0 || Others.Count > 0;

    /// <summary>Null when nothing is wrong there.</summary>
    public string? At(string field) => atFields.TryGetValue(field, out List<RecipeProblem>? problems)
        ? string.Join(" ", problems.Select(problem => $"{problem.Code}: {problem.Message} {problem.Advice}"))
        : null;

    public static FormProblems Of(ExpoException exception, MergeForm form)
    {
        var problems = new FormProblems();
        switch (exception)
        {
            case UsageException usage:
                problems.AddAll(usage.Problems);
                break;
            case PlanningException planning:
                // A tensor may be called as a field is: what it is about is said in the message.
                problems.AddAll([.. planning.Kinds.Select(kind => new RecipeProblem(kind.Code, "", kind.Message, kind.Advice))]);
                break;
            default:
                problems.Add(new RecipeProblem(exception.Code, FieldOf(exception.Message, form), exception.Message, exception.Advice));
                break;
        }

        return problems;
    }

    // What a file or a model of the Hub is the matter with stands best beside the reference to it.
    private static string FieldOf(string message, MergeForm form)
    {
        bool IsNamed(string? reference) => reference is { Length: > 2 } && message.Contains(reference.Replace("hf:", "", StringComparison.Ordinal), StringComparison.Ordinal);
        return IsNamed(form.Aligned) ? "aligned" : IsNamed(form.Base) ? "base" : "";
    }

    private void AddAll(IEnumerable<RecipeProblem> problems)
    {
        foreach (RecipeProblem problem in problems)
        {
            Add(problem);
        }
    }

    private void Add(RecipeProblem problem)
    {
        string key = problem.Path.TrimStart('-').Split('[', '.', ' ')[0];
        key = key is "sweep" or "alpha_by_depth" ? "alpha" : key;
        if (!Fields.Contains(key))
        {
            Others.Add(problem);
        }
        else if (atFields.TryGetValue(key, out List<RecipeProblem>? known))
        {
            known.Add(problem);
        }
        else
        {
            atFields[key] = [problem];
        }
    }
}
