using System.Collections.Immutable;
using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace ExpoCluster.Core.Recipes;

/// <summary>A configuration of mergekit's that is ExPO, or a straight line between two models, as the values of a recipe.</summary>
/// <remarks>
/// <c>task_arithmetic</c> with one model is base_model + λ·w·(model − base_model): extrapolation of base_model against the model, with alpha −λ·w. <c>linear</c> with
/// two models whose weights add up to one is the same line. Configuration and tokenizer come from base_model, else from the first model, as mergekit has it.
/// </remarks>
internal sealed class MergekitFile
{
    private static readonly string[] Read = ["merge_method", "base_model", "models", "parameters", "dtype", "out_dtype", "tokenizer_source"];

    private readonly YamlMappingNode file;
    private readonly ImmutableDictionary<string, DraftValue>.Builder values = ImmutableDictionary.CreateBuilder<string, DraftValue>(StringComparer.Ordinal);

    private MergekitFile(YamlMappingNode file) => this.file = file;

    /// <summary>What the file means; a problem where it is more than this version can do.</summary>
    /// <param name="text">A recipe file whose keys have all been read: it is valid YAML, small and shallow.</param>
    /// <param name="others">The values of keys that are a recipe's own.</param>
    public static (ImmutableDictionary<string, DraftValue> Values, RecipeProblem? Problem) Understand(
        string text, ImmutableDictionary<string, DraftValue> others)
    {
        try
        {
            var stream = new YamlStream();
            stream.Load(new StringReader(text));
            var mergekit = new MergekitFile((YamlMappingNode)stream.Documents[0].RootNode);
            mergekit.Translate(others);
            return (others.SetItems(mergekit.values), null);
        }
        catch (NotExpressibleException exception)
        {
            return (others, exception.Problem);
        }
        catch (Exception exception) when (exception is YamlException or InvalidCastException or ArgumentException)
        {
            return (others, RecipeProblems.NotOfMergekit("models", "the file is not built as mergekit's are"));
        }
    }

    private void Translate(ImmutableDictionary<string, DraftValue> others)
    {
        string[] own = [RecipeKeys.Method, RecipeKeys.Base, RecipeKeys.Aligned, RecipeKeys.Alpha, RecipeKeys.AlphaByDepth, RecipeKeys.Sweep];
        if (own.FirstOrDefault(others.ContainsKey) is { } mixed)
        {
            throw Not(FirstKey(), $"it is mixed with '{mixed}' of a recipe");
        }

        foreach (YamlScalarNode key in file.Children.Keys.Cast<YamlScalarNode>().Where(key => RecipeKeys.Mergekit.Contains(key.Value) && !Read.Contains(key.Value)))
        {
            throw Not(key, $"'{key.Value}' is not read");
        }

        if (Text(file, "tokenizer_source") is { } tokenizer && tokenizer.Value != "base")
        {
            throw Not(tokenizer, "only the tokenizer of base_model is taken");
        }

        YamlScalarNode method = Text(file, "merge_method") ?? throw Not(FirstKey(), "merge_method is missing");
        List<Model> models = Models();
        switch (method.Value)
        {
            case "task_arithmetic":
                TranslateTaskArithmetic(method, models);
                break;
            case "linear":
                TranslateLinear(method, models);
                break;
            default:
                throw Not(method, $"merge_method {method.Value} is not of this version, which has task_arithmetic with one model and linear with two");
        }

        if ((Text(file, "out_dtype") ?? Text(file, "dtype")) is { } dtype)
        {
            Set(RecipeKeys.Dtype, dtype, dtype.Value!);
        }
    }

    private void TranslateTaskArithmetic(YamlScalarNode method, List<Model> models)
    {
        YamlScalarNode origin = Text(file, "base_model") ?? throw Not(method, "base_model is missing");
        Model[] moved = [.. models.Where(model => model.Name.Value != origin.Value)];
        if (moved is not [var model])
        {
            throw Not(method, $"task_arithmetic has {moved.Length} models beside base_model; with one it is ExPO");
        }

        RequireKnown(model.Parameters, "weight", "normalize", "lambda", "int8_mask");
        double factor = Number(Setting(model, "lambda"), 1);
        YamlNode weight = Setting(model, "weight") ?? throw Not(model.Name, "the model has no weight");
        bool isNormalized = Flag(Setting(model, "normalize"), false);
        Set(RecipeKeys.Aligned, origin, ReferenceOf(origin));
        Set(RecipeKeys.Base, model.Name, ReferenceOf(model.Name));
        SetAlpha(weight, value => -factor * (isNormalized && Math.Abs(value) >= 1e-8 ? 1 : value));
    }

    private void TranslateLinear(YamlScalarNode method, List<Model> models)
    {
        if (models is not [var first, var second])
        {
            throw Not(method, $"linear has {models.Count} models; with two it is a straight line");
        }

        YamlScalarNode? origin = Text(file, "base_model");
        if (origin is not null && origin.Value != first.Name.Value)
        {
            (first, second) = origin.Value == second.Name.Value ? (second, first) : throw Not(origin, "base_model is none of the two models");
        }

        RequireKnown(first.Parameters, "weight", "normalize", "int8_mask");
        RequireKnown(second.Parameters, "weight", "normalize", "int8_mask");
        double one = WeightOf(first);
        double two = WeightOf(second);
        double sum = one + two;
        bool isNormalized = Flag(Setting(first, "normalize"), true);
        if (Math.Abs(sum) < 1e-8 || (!isNormalized && Math.Abs(sum - 1) > 1e-6))
        {
            throw Not(method, "the weights do not add up to 1, so the sum is no straight line between the two");
        }

        Set(RecipeKeys.Aligned, first.Name, ReferenceOf(first.Name));
        Set(RecipeKeys.Base, second.Name, ReferenceOf(second.Name));
        Set(RecipeKeys.Alpha, second.Name, Text(isNormalized ? -two / sum : -two));
    }

    private List<Model> Models()
    {
        if (!file.Children.TryGetValue("models", out YamlNode? node) || node is not YamlSequenceNode list)
        {
            throw Not(FirstKey(), "there is no list of models");
        }

        return [.. list.Children.Select(ModelOf)];
    }

    private Model ModelOf(YamlNode node)
    {
        if (node is not YamlMappingNode entry || Text(entry, "model") is not { Value: { Length: > 0 } name } model)
        {
            throw Not(node, "an entry of models has no model");
        }

        YamlNode? foreign = entry.Children.Keys.FirstOrDefault(key => key is not YamlScalarNode { Value: "model" or "parameters" });
        if (foreign is not null)
        {
            throw Not(foreign, $"'{foreign}' stands beside a model, where mergekit passes over it; it may belong below parameters");
        }

        return name.Contains('+', StringComparison.Ordinal) && !Path.Exists(name)
            ? throw Not(model, "a model with an adapter (+) is not read")
            : new Model(model, ParametersOf(entry));
    }

    private static YamlMappingNode? ParametersOf(YamlMappingNode owner) =>
        owner.Children.TryGetValue("parameters", out YamlNode? node) ? node as YamlMappingNode : null;

    // The model's own, then those of the file.
    private YamlNode? Setting(Model model, string key) =>
        model.Parameters?.Children.TryGetValue(key, out YamlNode? own) == true ? own
        : ParametersOf(file)?.Children.TryGetValue(key, out YamlNode? common) == true ? common
        : null;

    private void RequireKnown(YamlMappingNode? parameters, params string[] known)
    {
        YamlNode? foreign = new[] { parameters, ParametersOf(file) }.OfType<YamlMappingNode>()
            .SelectMany(node => node.Children.Keys).FirstOrDefault(key => !known.Contains((key as YamlScalarNode)?.Value));
        if (foreign is not null)
        {
            throw Not(foreign, $"the parameter '{foreign}' does nothing in this method");
        }
    }

    private double WeightOf(Model model) => Number(Setting(model, "weight") ?? throw Not(model.Name, "the model has no weight"), 1);

    // A number; numbers over the layers; or numbers by a part of the name.
    private void SetAlpha(YamlNode weight, Func<double, double> alphaOf)
    {
        if (weight is not YamlSequenceNode list)
        {
            Set(RecipeKeys.Alpha, weight, Text(alphaOf(Number(weight, 1))));
            return;
        }

        bool isGradient = list.Children.Count > 0 && list.Children.All(entry => entry is YamlScalarNode);
        string path = PathOf("weight", weight);
        values[isGradient ? RecipeKeys.AlphaByDepth : RecipeKeys.Alpha] = new DraftValue("", path)
        {
            Entries =
            [
                .. isGradient
                    ? list.Children.Select(entry => new DraftEntry(path, Text(alphaOf(Number(entry, 1))), []))
                    : list.Children.Select(entry => Filtered(entry, alphaOf)),
            ],
        };
    }

    private static DraftEntry Filtered(YamlNode node, Func<double, double> alphaOf)
    {
        if (node is not YamlMappingNode entry || !entry.Children.TryGetValue("value", out YamlNode? value))
        {
            throw Not(node, "an entry of weight has no value");
        }

        string filter = Text(entry, "filter")?.Value ?? "*";
        string match = filter is "*" or "" ? "*" : $"*{filter.Replace("*", "\\*", StringComparison.Ordinal)}*";
        return new DraftEntry(
            PathOf("weight", node),
            null,
            [KeyValuePair.Create(RecipeKeys.Match, (string?)match), KeyValuePair.Create(RecipeKeys.Alpha, (string?)Text(alphaOf(Number(value, 1))))]);
    }

    // Words stand for numbers where mergekit takes them so.
    private static double Number(YamlNode? node, double absent) => node switch
    {
        null => absent,
        YamlScalarNode { Value: "true" or "True" } => 1,
        YamlScalarNode { Value: "false" or "False" } => 0,
        YamlScalarNode scalar when DraftLists.TryReadAlpha(scalar.Value ?? "", out double number) => number,
        YamlMappingNode entry when entry.Children.Count == 1 && entry.Children.TryGetValue("value", out YamlNode? value) => Number(value, absent),
        _ => throw Not(node, "a number is needed here"),
    };

    private static bool Flag(YamlNode? node, bool absent) => node is null ? absent : Number(node, 0) != 0;

    // mergekit takes what is no local path for a model of the Hub.
    private static string ReferenceOf(YamlScalarNode model)
    {
        string name = model.Value!;
        bool isOfHub = !Path.Exists(name) && name.Split('@')[0].Split('/') is [{ Length: > 0 } owner, { Length: > 0 }] && owner is not ("." or ".." or "~");
        return isOfHub ? "hf:" + name : name;
    }

    private void Set(string key, YamlNode at, string text) => values[key] = new DraftValue(text, PathOf(key, at));

    private static string Text(double number) => (number == 0 ? 0 : number).ToString("R", CultureInfo.InvariantCulture);

    private static YamlScalarNode? Text(YamlMappingNode owner, string key) =>
        owner.Children.TryGetValue(key, out YamlNode? node) ? node as YamlScalarNode : null;

    private YamlNode FirstKey() => file.Children.Keys.First(key => RecipeKeys.Mergekit.Contains((key as YamlScalarNode)?.Value));

    private static string PathOf(string what, YamlNode node) => string.Create(CultureInfo.InvariantCulture, $"{what} (line {node.Start.Line})");

    private static NotExpressibleException Not(YamlNode node, string why)
    {
        string what = node is YamlScalarNode { Value: { Length: > 0 and < 60 } text } ? text : "models";
        return new NotExpressibleException(RecipeProblems.NotOfMergekit(PathOf(what, node), why));
    }

    /// <param name="Name">The node that names it.</param>
    /// <param name="Parameters">Its own; null where it has none.</param>
    private sealed record Model(YamlScalarNode Name, YamlMappingNode? Parameters);

#pragma warning disable CA1064 // It never leaves this class.
    private sealed class NotExpressibleException(RecipeProblem problem) : Exception
    {
        public RecipeProblem Problem { get; } = problem;
    }
#pragma warning restore CA1064
}
