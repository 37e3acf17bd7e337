using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Recipes.BuiltIn;

namespace ExpoCluster.Core.Tests.Recipes;

public sealed class BuiltInRecipesTests : IDisposable
{
    // Typed a second time from the table of published models, so that a slip of the pen shows.
    private const string Published = """
        zephyr-7b-alpha | HuggingFaceH4/zephyr-7b-alpha | HuggingFaceH4/mistral-7b-sft-alpha | 0.3 | 6.7 10.6 | 10 13.6 | 6.85 6.87
        zephyr-7b-beta | HuggingFaceH4/zephyr-7b-beta | HuggingFaceH4/mistral-7b-sft-beta | 0.1 | 10.2 11.1 | 13.2 14 | 7.02 7.06
        starling-lm-7b-alpha | berkeley-nest/Starling-LM-7B-alpha | openchat/openchat_3.5 | 0.2 | 15 18.2 | 18.3 19.5 | 7.82 7.91
        starling-lm-7b-beta | Nexusflow/Starling-LM-7B-beta | openchat/openchat-3.5-0106 | 0.5 | 26.6 29.6 | 25.8 26.4 | 8.1 8.18
        snorkel-mistral-pairrm | snorkelai/Snorkel-Mistral-PairRM-DPO | mistralai/Mistral-7B-Instruct-v0.2 | 0.3 | 24.7 28.8 | 24 26.4 | 7.63 7.69
        llama3-iterative-dpo | RLHFlow/LLaMA3-iterative-DPO-final | RLHFlow/LLaMA3-SFT | 0.3 | 29.2 32.7 | 36 37.8 | 8.08 8.45
        internlm2-chat-1.8b | internlm/internlm2-chat-1_8b | internlm/internlm2-chat-1_8b-sft | 0.5 | 3.8 5.2 | 4 4.3 | 5.17 5.26
        internlm2-chat-7b | internlm/internlm2-chat-7b | internlm/internlm2-chat-7b-sft | 0.5 | 20.5 28.1 | 18.3 22.7 | 7.72 7.8
        internlm2-chat-20b | internlm/internlm2-chat-20b | internlm/internlm2-chat-20b-sft | 0.5 | 36.1 46.2 | 24.9 27.2 | 8.13 8.26
        tulu-2-dpo-7b | allenai/tulu-2-dpo-7b | allenai/tulu-2-7b | 0.5 | 8.5 11.5 | 10.2 11.7 | 6.35 6.38
        tulu-2-dpo-13b | allenai/tulu-2-dpo-13b | allenai/tulu-2-13b | 0.5 | 11.2 15.6 | 15.5 17.6 | 7 7.26
        tulu-2-dpo-70b | allenai/tulu-2-dpo-70b | allenai/tulu-2-70b | 0.5 | 15.4 23 | 21.2 25.7 | 7.79 8.03
        """;

    private readonly TemporaryDirectory place = new();

    public static TheoryData<string> Names => [.. BuiltInRecipes.All.Select(recipe => recipe.Name)];

    public void Dispose() => place.Dispose();

    [Fact]
    public void They_are_the_published_models_with_their_scores() => Assert.Equal(
        Published.ReplaceLineEndings("\n").Split('\n'),
        BuiltInRecipes.All.Select(recipe => FormattableString.Invariant(
            $"{recipe.Name} | {recipe.Aligned} | {recipe.Base} | {recipe.Alpha} | {recipe.WinRate.Aligned} {recipe.WinRate.Merged} | {recipe.ControlledWinRate.Aligned} {recipe.ControlledWinRate.Merged} | {recipe.MtBench.Aligned} {recipe.MtBench.Merged}")));

    [Fact]
    public void Those_whose_pair_is_not_published_say_so() => Assert.Equal(
        ["tulu-2-dpo-7b", "tulu-2-dpo-70b"],
        BuiltInRecipes.All.Where(recipe => recipe.Yaml.Contains("# unverified: pair and alpha are expected, not published\n", StringComparison.Ordinal))
            .Select(recipe => recipe.Name));

    [Theory]
    [MemberData(nameof(Names))]
    public void The_file_that_is_shown_is_a_valid_recipe_of_that_pair(string name)
    {
        BuiltInRecipe builtIn = BuiltInRecipes.Named(name);

        RecipeValidation validation = RecipeDraft.FromYaml(builtIn.Yaml, name).Validate();

        Assert.Empty(validation.Problems);
        Assert.Equal(
            new Recipe { Name = name + "-expo", Base = "hf:" + builtIn.Base, Aligned = "hf:" + builtIn.Aligned, Alpha = builtIn.Alpha },
            validation.Recipe);
        Assert.Equal(validation.Recipe, BuiltInRecipes.Open(name).Validate().Recipe);
        Assert.All(builtIn.Yaml.Split('\n'), line => Assert.InRange(line.Length, 0, 130));
    }

    [Fact]
    public void A_file_wins_over_a_recipe_of_the_same_name()
    {
        string path = place.Write("zephyr-7b-beta", "base: a\naligned: b\nalpha: 7");

        Assert.Equal("a", BuiltInRecipes.Open(path).Validate().Recipe?.Base);
    }

    [Theory]
    [InlineData("zephyr-7b-bta", "did you mean zephyr-7b-beta?")]
    [InlineData("zephyr", "did you mean zephyr-7b-alpha or zephyr-7b-beta?")]
    [InlineData("internlm2-chat-1_8b", "did you mean internlm2-chat-1.8b or internlm2-chat-")]
    [InlineData("gpt", "the built-in recipes are zephyr-7b-alpha, zephyr-7b-beta, ")]
    public void An_unknown_name_gets_the_nearest_ones(string name, string advice)
    {
        RecipeProblem problem = Assert.Single(Assert.Throws<UsageException>(() => BuiltInRecipes.Open(name)).Problems);

        Assert.Equal(("EXPO2017", name), (problem.Code, problem.Path));
        Assert.StartsWith(advice, problem.Advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("recipes/zephyr.yaml")]
    [InlineData("zephyr-7b-beta.yaml")]
    [InlineData("./zephyr-7b-beta")]
    public void What_looks_like_a_path_is_a_missing_file(string path) =>
        Assert.Equal("EXPO2084", Assert.Throws<UsageException>(() => BuiltInRecipes.Open(path)).Code);

    [Fact]
    public void A_directory_is_no_recipe_file() =>
        Assert.Equal("EXPO2084", Assert.Throws<UsageException>(() => BuiltInRecipes.Open(place.PathOf("."))).Code);
}
