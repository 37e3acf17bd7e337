using System.Collections.Immutable;
using System.CommandLine;
using System.CommandLine.Completions;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Recipes.BuiltIn;

namespace ExpoCluster.Cli.Commands;

/// <summary>The arguments from which <c>merge</c> and <c>plan</c> make a recipe. What is given beside a recipe wins over it.</summary>
internal sealed class RecipeOptions
{
    private readonly Argument<string?> recipe = new("RECIPE")
    {
        HelpName = "RECIPE", Description = "A recipe file (YAML), or the name of a built-in recipe; expocluster recipes lists those.", Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> baseReference = Text("--base", "REF", "The checkpoint before preference training (SFT): a directory or one weights file.");
    private readonly Option<string?> aligned = Text("--aligned", "REF", "The checkpoint after it (DPO, RLHF).");
    private readonly Option<string?> alpha = Text("--alpha", "A[,B...]", "How far to move on: 0 gives aligned, -1 gives base; published models use 0.1 to 0.5. Several write DIR/alpha-A, DIR/alpha-B.");
    private readonly Option<string?> output = Text("--out", "DIR", "The output directory.");
    private readonly Option<string?> numerics = Text("--numerics", "exact|official|stochastic", "exact: float32, rounded once; official: BF16 at each step, as the paper's script; stochastic: rounded to BF16 at random, so that small updates survive.");
    private readonly Option<string?> seed = Text("--seed", "N", "Of stochastic rounding; 0 by default.");
    private readonly Option<string?> dtype = Text("--dtype", "aligned|bf16|f16|f32", "The output's dtype; by default each tensor keeps that of aligned.");
    private readonly Option<string?> maxShardSize = Text("--max-shard-size", "keep|5GB", "The largest output file; by default aligned's own partition is kept.");
    private readonly Option<string?> onMismatch = Text("--on-mismatch", "error|copy-aligned|drop|…", "What to do with tensors that base and aligned do not share; also extrapolate-common-rows and untie.");

    private readonly Option<bool> strict = new("--strict") { Description = "Make every warning an error." };

    private readonly Option<bool> noSample = new("--no-sample") { Description = "Read headers only: do not look at a few weights to see whether the two models are related." };

    public void AddTo(Command command)
    {
        recipe.CompletionSources.Add(Names);
        command.Arguments.Add(recipe);
        foreach (Option option in new Option[] { baseReference, aligned, alpha, output, numerics, seed, dtype, maxShardSize, onMismatch, strict, noSample })
        {
            command.Options.Add(option);
        }
    }

    /// <exception cref="UsageException">With every problem of file and options.</exception>
    public Recipe Read(ParseResult parsed, bool needsOutput)
    {
        RecipeDraft options = RecipeDraft.FromOptions(
            name: null,
            @base: parsed.GetValue(baseReference),
            aligned: parsed.GetValue(aligned),
            alpha: parsed.GetValue(alpha),
            numerics: parsed.GetValue(numerics),
            seed: parsed.GetValue(seed),
            dtype: parsed.GetValue(dtype),
            maxShardSize: parsed.GetValue(maxShardSize),
            onMismatch: parsed.GetValue(onMismatch),
            output: parsed.GetValue(output),
            strict: parsed.GetValue(strict) ? "true" : null);
        string? recipePath = parsed.GetValue(recipe);
        if (recipePath is ['-', ..])
        {
            // The parser takes a mistyped option for the recipe's path.
            throw new UsageException(new RecipeProblem(
                ExpoClusterCommand.WrongArguments, recipePath, "there is no such option.", $"see expocluster {parsed.CommandResult.Command.Name} --help."));
        }

        RecipeDraft draft = recipePath is { } path ? BuiltInRecipes.Open(path).OverriddenBy(options) : options;
        RecipeValidation validation = draft.Validate();
        ImmutableArray<RecipeProblem> problems = validation.Problems;
        if (needsOutput && validation.Recipe is { Output: null })
        {
            problems = problems.Add(new RecipeProblem("EXPO2085", "--out", "no output directory is given.", "add --out DIR."));
        }

        return problems.IsEmpty ? validation.Recipe! : throw new UsageException(problems);
    }

    /// <summary>How the options want it planned.</summary>
    public PlanOptions Planning(ParseResult parsed) => new() { TakesSample = !parsed.GetValue(noSample) };

    internal static Option<string?> Text(string name, string helpName, string description)
    {
        var option = new Option<string?>(name) { HelpName = helpName, Description = description };
        option.CompletionSources.Add(WordsOf(helpName));
        return option;
    }

    /// <summary>Completes names of built-in recipes.</summary>
    internal static IEnumerable<CompletionItem> Names(CompletionContext _) => BuiltInRecipes.All.Select(recipe => new CompletionItem(recipe.Name));

    // Of exact|official|stochastic all are words to be written, of sqlite:FILE|none the last.
    private static string[] WordsOf(string helpName) => helpName.Contains('|', StringComparison.Ordinal)
        ? [.. helpName.Split('|').Where(word => word.All(character => char.IsAsciiLetterLower(character) || char.IsAsciiDigit(character) || character == '-'))]
        : [];
}
