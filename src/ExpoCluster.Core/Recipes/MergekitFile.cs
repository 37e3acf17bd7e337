using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Core.Recipes.Spelling;
using ExpoCluster.Tensors;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace ExpoCluster.Core.Recipes;

/// <summary>A configuration of mergekit's that is ExPO, or a straight line between two models, as the values of a recipe.</summary>
/// <remarks>
/// <c>task_arithmetic</c> with one model is base_model + λ·w·(model − base_model): extrapolation of base_model against the model, with alpha −λ·w. <c>linear</c> with
/// two models whose weights add up to one is the same line. Configuration and tokenizer come from base_model, else from the first model, as mergekit has it.
/// What holds only of checkpoints that are built so, as slices over all layers, becomes a requirement of the recipe.
/// </remarks>
internal sealed class MergekitFile
{
    private const string TaskArithmetic = "task_arithmetic";

    private const string Linear = "linear";

    private const string TorchPrefix = "torch.";

    private static readonly string[] Read =
        ["merge_method", "base_model", "models", "slices", "parameters", "dtype", "out_dtype", "tokenizer_source", "tokenizer", "chat_template"];

    private static readonly string[] Words = ["weight", "normalize", "lambda", "int8_mask"];

    private readonly YamlMappingNode file;
    private readonly ImmutableDictionary<string, DraftValue>.Builder values = ImmutableDictionary.CreateBuilder<string, DraftValue>(StringComparer.Ordinal);
    private readonly SortedSet<string> notes = new(StringComparer.Ordinal);
    private RecipeRequirements required = RecipeRequirements.None;

    private MergekitFile(YamlMappingNode file) => this.file = file;

    /// <summary>What the file means; a problem where it is more than this version can do.</summary>
    /// <param name="text">A recipe file whose keys have all been read: it is valid YAML, small and shallow.</param>
    /// <param name="others">The values of keys that are a recipe's own.</param>
    public static (ImmutableDictionary<string, DraftValue> Values, ImmutableArray<string> Notes, RecipeProblem? Problem) Understand(
        string text, ImmutableDictionary<string, DraftValue> others)
    {
        try
        {
            var stream = new YamlStream();
            stream.Load(new StringReader(text));
            var mergekit = new MergekitFile((YamlMappingNode)stream.Documents[0].RootNode);
            mergekit.Translate(others);
            return (others.SetItems(mergekit.values), [.. mergekit.notes], null);
        }
        catch (NotExpressibleException exception)
        {
            return (others, [], exception.Problem);
        }
        catch (Exception exception) when (exception is YamlException or InvalidCastException or ArgumentException)
        {
            return (others, [], RecipeProblems.NotOfMergekit("models", "the file is not built as mergekit's are"));
        }
    }

    private void Translate(ImmutableDictionary<string, DraftValue> others)
    {
        string[] own = [RecipeKeys.Method, RecipeKeys.Base, RecipeKeys.Aligned, RecipeKeys.Alpha, RecipeKeys.AlphaByDepth, RecipeKeys.Sweep, RecipeKeys.Require];
        if (own.FirstOrDefault(others.ContainsKey) is { } mixed)
        {
            throw Not(FirstKey(), $"it is mixed with '{mixed}' of a recipe");
        }

        foreach (YamlScalarNode key in file.Children.Keys.Cast<YamlScalarNode>().Where(key => RecipeKeys.Mergekit.Contains(key.Value) && !Read.Contains(key.Value)))
        {
            throw Not(key, $"'{key.Value}' is not read");
        }

        YamlScalarNode method = Text(file, "merge_method") ?? throw Not(FirstKey(), "merge_method is missing");
        ReadTokenizer();
        ReadChatTemplate();
        List<List<Model>> groups = Groups();
        Translate(method, groups[0]);
        foreach (List<Model> slice in groups.Skip(1))
        {
            RequireSame(method, slice);
        }

        if ((Text(file, "out_dtype") ?? Text(file, "dtype")) is { } dtype)
        {
            Set(RecipeKeys.Dtype, dtype, dtype.Value!.StartsWith(TorchPrefix, StringComparison.Ordinal) ? dtype.Value[TorchPrefix.Length..] : dtype.Value);
        }
        else
        {
            values[RecipeKeys.Dtype] = new DraftValue("aligned", RecipeKeys.Dtype);
        }

        if (required != RecipeRequirements.None)
        {
            values[RecipeKeys.Require] = new DraftValue(required.ToString(), RecipeKeys.Require);
        }
    }

    private void Translate(YamlScalarNode method, List<Model> models)
    {
        switch (method.Value)
        {
            case TaskArithmetic:
                TranslateTaskArithmetic(method, models);
                break;
            case Linear:
                TranslateLinear(method, models);
                break;
            default:
                throw Not(method, $"merge_method {method.Value} is not of this version, which has {TaskArithmetic} with one model and {Linear} with two");
        }
    }

    // Each slice begins a gradient anew, and may have weights of its own.
    private void RequireSame(YamlScalarNode method, List<Model> slice)
    {
        string first = Summary();
        Translate(method, slice);
        if (values.ContainsKey(RecipeKeys.AlphaByDepth))
        {
            throw Not(slice[0].Name, "a weight is a list over the layers of each slice");
        }

        if (Summary() != first)
        {
            throw Not(slice[0].Name, "the slices do not all have the same models and weights");
        }
    }

    private string Summary() => string.Join('\n', values.OrderBy(value => value.Key, StringComparer.Ordinal).Select(value =>
        $"{value.Key}: {value.Value.Text} {(value.Value.IsList ? string.Join(';', value.Value.Entries.Select(entry => entry.Text + string.Join(',', entry.Fields))) : "")}"));

    private void TranslateTaskArithmetic(YamlScalarNode method, List<Model> models)
    {
        Origin origin = OriginOf() ?? throw Not(method, "base_model is missing");
        Model[] moved = [.. models.Where(model => model.Reference != origin.Reference)];
        if (moved is not [var model])
        {
            throw Not(method, $"task_arithmetic has {moved.Length} models beside base_model; with one it is ExPO");
        }

        NoteUseless(method, model, "weight", "normalize", "lambda", "int8_mask");
        double factor = Number(Setting(model, "lambda"), 1);
        YamlNode weight = Setting(model, "weight") ?? throw Not(model.Name, "the model has no weight");
        bool isNormalized = Flag(Setting(model, "normalize"), false);
        Set(RecipeKeys.Aligned, origin.Node, ReferenceOf(origin.Reference));
        Set(RecipeKeys.Base, model.Name, ReferenceOf(model.Reference));
        SetAlpha(weight, value => -factor * (isNormalized && Math.Abs(value) >= 1e-8 ? 1 : value));
    }

    private void TranslateLinear(YamlScalarNode method, List<Model> models)
    {
        if (models is not [var first, var second])
        {
            throw Not(method, $"linear has {models.Count} models; with two it is a straight line");
        }

        if (OriginOf() is { } origin && origin.Reference != first.Reference)
        {
            (first, second) = origin.Reference == second.Reference ? (second, first) : throw Not(origin.Node, "base_model is none of the two models");
        }

        NoteUseless(method, first, "weight", "normalize", "int8_mask");
        NoteUseless(method, second, "weight", "normalize", "int8_mask");
        double one = WeightOf(first);
        double two = WeightOf(second);
        double sum = one + two;
        bool isNormalized = Flag(Setting(first, "normalize"), true);
        if (Math.Abs(sum) < 1e-8 || (!isNormalized && Math.Abs(sum - 1) > 1e-6))
        {
            throw Not(method, "the weights do not add up to 1, so the sum is no straight line between the two");
        }

        Set(RecipeKeys.Aligned, first.Name, ReferenceOf(first.Reference));
        Set(RecipeKeys.Base, second.Name, ReferenceOf(second.Reference));
        Set(RecipeKeys.Alpha, second.Name, Text(isNormalized ? -two / sum : -two));
    }

    // With either of the two keys mergekit looks up each row by its token, and cuts away rows that have none.
    private void ReadTokenizer()
    {
        YamlScalarNode? source = Text(file, "tokenizer_source");
        if (Child(file, "tokenizer") is { } tokenizer)
        {
            YamlMappingNode settings = tokenizer as YamlMappingNode ?? throw Not(tokenizer, "'tokenizer' has no settings");
            YamlNode? foreign = settings.Children.FirstOrDefault(pair => pair.Key is not YamlScalarNode { Value: "source" } && !IsNull(pair.Value) && pair.Value is not YamlMappingNode { Children.Count: 0 }).Key;
            source = foreign is null ? Text(settings, "source") ?? new YamlScalarNode("union") : throw Not(foreign, $"'{foreign}' of tokenizer is not read");
        }

        if (source is null)
        {
            return;
        }

        if (source.Value is not ("base" or "union"))
        {
            throw Not(source, $"a tokenizer from {source.Value} is not read; base_model's is taken, where that changes nothing");
        }

        _ = OriginOf() ?? throw Not(source, $"the tokenizer is that of base_model ({source.Value}), which is missing");
        required = required with { IsTokenizerShared = true };
    }

    // The most frequent one of the models: of two that have the same it is base_model's, which the output has.
    private void ReadChatTemplate()
    {
        if (Child(file, "chat_template") is not { } node)
        {
            return;
        }

        if (node is not YamlScalarNode { Value: "auto" })
        {
            throw Not(node, $"the chat template {Printable.Of((node as YamlScalarNode)?.Value)} would have to be put into the output, which has the one of its own tokenizer; put it into base_model's tokenizer_config.json, and leave chat_template out");
        }

        required = required with { IsChatTemplateShared = true };
    }

    // The models as they are, or those of each slice.
    private List<List<Model>> Groups()
    {
        if (Child(file, "slices") is not { } node)
        {
            return [Models(Child(file, "models"), null)];
        }

        if (Child(file, "models") is { } models)
        {
            throw Not(models, "there are both models and slices");
        }

        if (node is not YamlSequenceNode { Children.Count: > 0 } slices)
        {
            throw Not(node, "slices has no list of slices");
        }

        var groups = new List<List<Model>>();
        int layers = 0;
        foreach (YamlNode entry in slices.Children)
        {
            YamlMappingNode slice = entry as YamlMappingNode ?? throw Not(entry, "an entry of slices has no sources");
            YamlNode? foreign = slice.Children.Keys.FirstOrDefault(key => key is not YamlScalarNode { Value: "sources" or "parameters" });
            if (foreign is not null)
            {
                throw Not(foreign, $"'{foreign}' of a slice is not read");
            }

            List<Model> sources = Models(Child(slice, "sources"), ParametersOf(slice));
            (int from, int to) = sources.Select(source => source.Layers).Distinct().ToArray() is [{ } range] ? range : throw Not(sources[0].Name, "the sources of a slice have not all the same layer_range");
            layers = from == layers && to > from ? to : throw Not(sources[0].Name, $"a slice begins with layer {from}, so layers are moved; each layer may stand once, in order, beginning with 0");
            groups.Add(sources);
        }

        required = required with { Layers = layers };
        return groups;
    }

    private List<Model> Models(YamlNode? node, YamlMappingNode? ofSlice) => node is YamlSequenceNode { Children.Count: > 0 } list
        ? [.. list.Children.Select(entry => ModelOf(entry) with { OfSlice = ofSlice })]
        : throw Not(node ?? FirstKey(), "there is no list of models");

    private Model ModelOf(YamlNode node)
    {
        if (node is not YamlMappingNode entry || Child(entry, "model") is not { } model)
        {
            throw Not(node, "an entry of models has no model");
        }

        YamlMappingNode? parameters = ParametersOf(entry);
        foreach (YamlNode key in entry.Children.Keys.Where(key => key is not YamlScalarNode { Value: "model" or "parameters" or "layer_range" }))
        {
            // Where it belongs it is not, so it was meant here.
            bool isMeant = key is YamlScalarNode { Value: { } word } && Words.Contains(word) && parameters?.Children.ContainsKey(key) != true;
            notes.Add(isMeant
                ? throw Not(key, $"'{key}' stands beside a model, where mergekit passes over it; it may belong below parameters")
                : $"'{Printable.Of(key.ToString())}' stands beside a model, where it has no meaning; mergekit passes over it too");
        }

        return new Model(model, NameOf(model), parameters, LayersOf(entry));
    }

    private static (int From, int To)? LayersOf(YamlMappingNode entry) => Child(entry, "layer_range") switch
    {
        null => null,
        YamlSequenceNode { Children: [YamlScalarNode first, YamlScalarNode last] }
            when int.TryParse(first.Value, NumberStyles.None, CultureInfo.InvariantCulture, out int from) && int.TryParse(last.Value, NumberStyles.None, CultureInfo.InvariantCulture, out int to) => (from, to),
        { } other => throw Not(other, "layer_range is not two numbers"),
    };

    // A text, or as mergekit writes its own records: {model: {path, revision}, lora}. A slash at the end names the same folder.
    private static string NameOf(YamlNode model)
    {
        if (model is not YamlMappingNode written)
        {
            string name = model is YamlScalarNode { Value: { Length: > 0 } text } && !IsNull(model) ? text : throw Not(model, "an entry of models has no model");
            return name.Contains('+', StringComparison.Ordinal) && !Path.Exists(name)
                ? throw Not(model, "a model with an adapter (+) is not read")
                : name.TrimEnd('/') is { Length: > 0 } trimmed ? trimmed : name;
        }

        YamlNode? foreign = written.Children.FirstOrDefault(pair => pair.Key is not YamlScalarNode { Value: "model" or "path" or "revision" } && !IsNull(pair.Value)).Key;
        if (foreign is not null)
        {
            throw Not(foreign, $"a model with '{foreign}' is not read");
        }

        string inner = NameOf(Child(written, "model") ?? Child(written, "path") ?? throw Not(model, "an entry of models has no model"));
        return Text(written, "revision") is { Value: { } revision } ? $"{inner}@{revision}" : inner;
    }

    private Origin? OriginOf() => Child(file, "base_model") is { } node ? new Origin(node, NameOf(node)) : null;

    private static YamlMappingNode? ParametersOf(YamlMappingNode owner) =>
        Child(owner, "parameters") as YamlMappingNode;

    // The model's own, then those of its slice, then those of the file.
    private YamlNode? Setting(Model model, string key) =>
        new[] { model.Parameters, model.OfSlice, ParametersOf(file) }.OfType<YamlMappingNode>().Select(owner => Child(owner, key)).FirstOrDefault(node => node is not null);

    // mergekit passes over what a method does not ask for, as a density without anything to thin out.
    private void NoteUseless(YamlScalarNode method, Model model, params string[] known)
    {
        IEnumerable<string> foreign = new[] { model.Parameters, model.OfSlice, ParametersOf(file) }.OfType<YamlMappingNode>()
            .SelectMany(node => node.Children.Keys).Select(key => key.ToString()).Where(key => !known.Contains(key));
        foreach (string key in foreign)
        {
            string meant = Suggestion.For(key, known) is { } near ? $"; '{near}' may be meant" : "";
            notes.Add($"the parameter '{Printable.Of(key)}' has no meaning in {method.Value}, and mergekit passes over it too{meant}");
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
    private static string ReferenceOf(string name)
    {
        bool isOfHub = !Path.Exists(name) && name.Split('@')[0].Split('/') is [{ Length: > 0 } owner, { Length: > 0 }] && owner is not ("." or ".." or "~");
        return isOfHub ? "hf:" + name : name;
    }

    private void Set(string key, YamlNode at, string text) => values[key] = new DraftValue(text, PathOf(key, at));

    private static string Text(double number) => (number == 0 ? 0 : number).ToString("R", CultureInfo.InvariantCulture);

    private static YamlScalarNode? Text(YamlMappingNode owner, string key) => Child(owner, key) as YamlScalarNode;

    private static YamlNode? Child(YamlMappingNode owner, string key) => owner.Children.TryGetValue(key, out YamlNode? node) && !IsNull(node) ? node : null;

    private static bool IsNull(YamlNode node) => node is YamlScalarNode { Style: ScalarStyle.Plain, Value: null or "" or "~" or "null" or "Null" or "NULL" };

    private YamlNode FirstKey() => file.Children.Keys.First(key => RecipeKeys.Mergekit.Contains((key as YamlScalarNode)?.Value));

    private static string PathOf(string what, YamlNode node) => string.Create(CultureInfo.InvariantCulture, $"{what} (line {node.Start.Line})");

    private static NotExpressibleException Not(YamlNode node, string why)
    {
        string what = node is YamlScalarNode { Value: { Length: > 0 and < 60 } text } ? text : "models";
        return new NotExpressibleException(RecipeProblems.NotOfMergekit(PathOf(what, node), why));
    }

    /// <param name="Node">The node that names it.</param>
    /// <param name="Reference">What it is called.</param>
    private sealed record Origin(YamlNode Node, string Reference);

    /// <param name="Name">The node that names it.</param>
    /// <param name="Reference">What it is called.</param>
    /// <param name="Parameters">Its own; null where it has none.</param>
    /// <param name="Layers">Of a slice, the last one not included; null where all are meant.</param>
    private sealed record Model(YamlNode Name, string Reference, YamlMappingNode? Parameters, (int From, int To)? Layers)
    {
        /// <summary>Parameters of the slice that it stands in.</summary>
        public YamlMappingNode? OfSlice { get; init; }
    }

#pragma warning disable CA1064 // It never leaves this class.
    private sealed class NotExpressibleException(RecipeProblem problem) : Exception
    {
        public RecipeProblem Problem { get; } = problem;
    }
#pragma warning restore CA1064
}
