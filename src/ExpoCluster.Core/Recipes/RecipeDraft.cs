using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using ExpoCluster.Core.Methods;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Core.Recipes;

/// <summary>A recipe as it was written: every value still text that remembers where it came from.</summary>
public sealed record RecipeDraft
{
    private ImmutableDictionary<string, DraftValue> Values { get; init; } = ImmutableDictionary<string, DraftValue>.Empty;

    private ImmutableArray<RecipeProblem> Problems { get; init; } = [];

    private ImmutableArray<string> Notes { get; init; } = [];

    private static string[] OtherAlphas => [RecipeKeys.AlphaByDepth, RecipeKeys.Sweep];

    /// <summary>Reads a recipe file. Whatever is wrong with it becomes a problem of <see cref="Validate"/>; nothing is thrown.</summary>
    public static RecipeDraft FromYaml(string text, string fileName)
    {
        ImmutableArray<string> notes = [];
        (ImmutableDictionary<string, DraftValue> values, ImmutableArray<RecipeProblem> problems) = RecipeYaml.Read(text, fileName);
        if (problems is [var only] && RecipeProblems.IsOfMergekit(only))
        {
            (values, notes, RecipeProblem? left) = MergekitFile.Understand(text, values);
            problems = left is null ? [] : [left with { Path = only.Path }];
        }

        return new RecipeDraft { Values = values, Problems = problems, Notes = notes };
    }

    /// <summary>Reads the JSON of a recipe; keys that no recipe has are passed over.</summary>
    internal static RecipeDraft FromJson(JsonElement recipe) => new()
    {
        Values = RecipeKeys.All
            .Select(key => (Key: key, IsThere: recipe.TryGetProperty(key, out JsonElement value), Value: value))
            .Where(row => row.IsThere)
            .ToImmutableDictionary(row => row.Key, row => JsonDraft.Read(row.Key, row.Value), StringComparer.Ordinal),
    };

    /// <summary>Reads a recipe that came as JSON from somebody else.</summary>
    /// <param name="recipe">An object with a recipe's keys; a null is as good as nothing.</param>
    /// <param name="beside">Keys that mean something to the caller; any other that is no recipe's is a problem.</param>
    public static RecipeDraft FromRequest(JsonElement recipe, params string[] beside)
    {
        (ImmutableDictionary<string, DraftValue> values, ImmutableArray<RecipeProblem> problems) = RequestDraft.Read(recipe, beside);
        return new RecipeDraft { Values = values, Problems = problems };
    }

    /// <summary>What the command line says; null for an option that was not given.</summary>
    public static RecipeDraft FromOptions(
        string? name = null,
        string? @base = null,
        string? aligned = null,
        string? alpha = null,
        string? numerics = null,
        string? seed = null,
        string? dtype = null,
        string? maxShardSize = null,
        string? onMismatch = null,
        string? output = null,
        string? strict = null)
    {
        (string Key, string Option, string? Text)[] given =
        [
            (RecipeKeys.Name, "--name", name),
            (RecipeKeys.Base, "--base", @base),
            (RecipeKeys.Aligned, "--aligned", aligned),
            (RecipeKeys.Alpha, "--alpha", alpha),
            (RecipeKeys.Numerics, "--numerics", numerics),
            (RecipeKeys.Seed, "--seed", seed),
            (RecipeKeys.Dtype, "--dtype", dtype),
            (RecipeKeys.MaxShardSize, "--max-shard-size", maxShardSize),
            (RecipeKeys.OnMismatch, "--on-mismatch", onMismatch),
            (RecipeKeys.Output, "--out", output),
            (RecipeKeys.Strict, "--strict", strict),
        ];
        return new RecipeDraft
        {
            Values = given
                .Where(row => row.Text is not null)
                .ToImmutableDictionary(row => row.Key, row => new DraftValue(row.Text!, row.Option), StringComparer.Ordinal),
        };
    }

    /// <summary>This draft with every value that <paramref name="options"/> has in its place.</summary>
    public RecipeDraft OverriddenBy(RecipeDraft options) => new()
    {
        Values = (options.Values.ContainsKey(RecipeKeys.Alpha) ? Values.RemoveRange(OtherAlphas) : Values).SetItems(options.Values),
        Problems = [.. Problems, .. options.Problems],
        Notes = [.. Notes, .. options.Notes],
    };

    /// <summary>Checks everything and reports all problems at once.</summary>
    public RecipeValidation Validate()
    {
        var problems = Problems.ToBuilder();
        problems.AddRange(RecipeKeys.All.Select(key => Values.GetValueOrDefault(key)?.Problem).OfType<RecipeProblem>());
        CheckTexts(problems);
        string method = Method(problems);
        string? baseReference = Required(RecipeKeys.Base, "the checkpoint before preference training", problems);
        string? aligned = Required(RecipeKeys.Aligned, "the checkpoint after preference training", problems);
        (AlphaRule alpha, ImmutableArray<double> sweep) = new DraftAlpha(Find, Values.ContainsKey, problems).Read(AddMissing);
        Numerics numerics = ReadNumerics(problems);
        long seed = Seed(numerics, problems);
        Dtype? dtype = OutputDtype(numerics, problems);
        MismatchRule onMismatch = OnMismatch(problems);
        ImmutableArray<TensorRename> renames = Find(RecipeKeys.Rename) is { } list ? new DraftRenames(problems).Read(list) : [];
        RecipeRequirements requirements = Requirements(problems);
        long? maxShardBytes = MaxShardBytes(problems);
        bool strict = Word(RecipeKeys.Strict, "answer to whether warnings are errors", false, problems, ("true", true), ("false", false));
        if (problems.Count > 0)
        {
            return new RecipeValidation(null, problems.ToImmutable());
        }

        var recipe = new Recipe
        {
            Name = Text(RecipeKeys.Name),
            Method = method,
            Base = baseReference!,
            Aligned = aligned!,
            Alpha = alpha,
            Sweep = sweep,
            Numerics = numerics,
            Seed = seed,
            OutputDtype = dtype,
            OnMismatch = onMismatch,
            Renames = renames,
            Requires = requirements,
            Notes = Notes,
            MaxShardBytes = maxShardBytes,
            Strict = strict,
            Output = Text(RecipeKeys.Output),
        };
        return new RecipeValidation(recipe, []);
    }

    /// <summary>The value of a key, unless it is none.</summary>
    private DraftValue? Find(string key) => Values.GetValueOrDefault(key) is { Problem: null } value ? value : null;

    private string? Text(string key) => Find(key)?.Text;

    // These become paths, JSON and YAML; what cannot stand in all of them is refused here.
    private void CheckTexts(ImmutableArray<RecipeProblem>.Builder problems)
    {
        foreach (string key in new[] { RecipeKeys.Name, RecipeKeys.Base, RecipeKeys.Aligned, RecipeKeys.Output })
        {
            if (Find(key) is { } value && !DraftValue.IsPlain(value.Text))
            {
                problems.Add(RecipeProblems.NotPlainText(value.Path));
            }
        }
    }

    private string? Required(string key, string what, ImmutableArray<RecipeProblem>.Builder problems)
    {
        if (!Values.ContainsKey(key))
        {
            AddMissing(key, what, problems);
        }
        else if (Find(key) is { Text: "" } value)
        {
            problems.Add(RecipeProblems.EmptyValue(value.Path));
        }

        return Text(key);
    }

    // Keys may stand where the text could not be read, or be there under mergekit's names.
    private void AddMissing(string key, string what, ImmutableArray<RecipeProblem>.Builder problems)
    {
        if (!Problems.Any(RecipeProblems.HidesKeys))
        {
            problems.Add(RecipeProblems.Missing(key, what));
        }
    }

    private string Method(ImmutableArray<RecipeProblem>.Builder problems)
    {
        if (Find(RecipeKeys.Method) is not { } value)
        {
            return MergeMethods.Expo.Name;
        }

        if (MergeMethods.Find(value.Text) is null)
        {
            problems.Add(RecipeProblems.UnknownMethod(value));
        }

        return value.Text;
    }

    private Numerics ReadNumerics(ImmutableArray<RecipeProblem>.Builder problems) =>
        Word(
            RecipeKeys.Numerics,
            "kind of numerics",
            Numerics.Exact,
            problems,
            ("exact", Numerics.Exact),
            ("official", Numerics.Official),
            ("stochastic", Numerics.Stochastic));

    private long Seed(Numerics numerics, ImmutableArray<RecipeProblem>.Builder problems)
    {
        if (Find(RecipeKeys.Seed) is not { } value)
        {
            return 0;
        }

        if (!long.TryParse(value.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long seed))
        {
            problems.Add(RecipeProblems.NoSeed(value));
        }
        else if (numerics != Numerics.Stochastic)
        {
            problems.Add(RecipeProblems.SeedOfNoUse(value, numerics.Word()));
        }

        return seed;
    }

    private MismatchRule OnMismatch(ImmutableArray<RecipeProblem>.Builder problems)
    {
        MismatchPolicy Read(string text, string path)
        {
            if (MismatchPolicyWords.Parse(text) is { } policy)
            {
                return policy;
            }

            problems.Add(RecipeProblems.UnknownWord(text, path, "mismatch policy", MismatchPolicyWords.All));
            return MismatchPolicy.Error;
        }

        return Find(RecipeKeys.OnMismatch) switch
        {
            null => MismatchPolicy.Error,
            { IsList: true } list => new MismatchRule.ByPattern(
                new DraftLists(problems).Patterns(list, RecipeKeys.Policy, MismatchPolicy.CopyAligned.Word(), Read)),
            { } value => Read(value.Text, value.Path),
        };
    }

    private Dtype? OutputDtype(Numerics numerics, ImmutableArray<RecipeProblem>.Builder problems)
    {
        Dtype? dtype = Word<Dtype?>(
            RecipeKeys.Dtype,
            "dtype of an output",
            null,
            problems,
            ("aligned", null),
            ("bf16", Dtype.BF16),
            ("f16", Dtype.F16),
            ("f32", Dtype.F32),
            ("bfloat16", Dtype.BF16),
            ("float16", Dtype.F16),
            ("float32", Dtype.F32));
        if (numerics == Numerics.Official && dtype is Dtype.F16 or Dtype.F32)
        {
            problems.Add(RecipeProblems.OfficialNeedsBf16(Values[RecipeKeys.Dtype]));
        }
        else if (numerics == Numerics.Stochastic && dtype is Dtype.F16)
        {
            problems.Add(RecipeProblems.StochasticIsNotF16(Values[RecipeKeys.Dtype]));
        }

        return dtype;
    }

    private RecipeRequirements Requirements(ImmutableArray<RecipeProblem>.Builder problems)
    {
        if (Find(RecipeKeys.Require) is not { } value)
        {
            return RecipeRequirements.None;
        }

        if (RecipeRequirements.Parse(value.Text) is { } known)
        {
            return known;
        }

        problems.Add(RecipeProblems.UnknownWord(value.Text, value.Path, "list of requirements", RecipeRequirements.Words));
        return RecipeRequirements.None;
    }

    private long? MaxShardBytes(ImmutableArray<RecipeProblem>.Builder problems)
    {
        if (Find(RecipeKeys.MaxShardSize) is not { Text: not "keep" } value)
        {
            return null;
        }

        if (ByteSize.TryParse(value.Text, out long bytes) && bytes > 0)
        {
            return bytes;
        }

        problems.Add(RecipeProblems.NoSize(value));
        return null;
    }

    private T Word<T>(
        string key, string what, T absent, ImmutableArray<RecipeProblem>.Builder problems, params (string Word, T Value)[] words)
    {
        if (Find(key) is not { } value)
        {
            return absent;
        }

        foreach ((string word, T meaning) in words)
        {
            if (word == value.Text)
            {
                return meaning;
            }
        }

        problems.Add(RecipeProblems.UnknownWord(value.Text, value.Path, what, string.Join(", ", words.Select(row => row.Word))));
        return absent;
    }
}
