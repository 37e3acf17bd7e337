using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Core.Tests.Recipes;

public sealed class RecipeDraftTests
{
    private const string Good = """
        # a comment
        name: my-expo
        method: expo
        base: models/sft
        aligned: models/dpo
        alpha: 0.3
        numerics: exact
        dtype: bf16
        on_mismatch: copy_aligned
        max_shard_size: 5GB
        out: models/out
        """;

    [Fact]
    public void Every_key_is_understood()
    {
        Recipe recipe = Recipe(Good);

        Assert.Equal(
            new Recipe
            {
                Name = "my-expo", Base = "models/sft", Aligned = "models/dpo", Alpha = 0.3, OutputDtype = Dtype.BF16,
                OnMismatch = MismatchPolicy.CopyAligned, MaxShardBytes = 5_000_000_000, Output = "models/out",
            },
            recipe);
    }

    [Fact]
    public void What_is_left_out_has_its_default()
    {
        Recipe recipe = Recipe("base: a\naligned: b\nalpha: -1");

        Assert.Equal(("expo", -1d, Numerics.Exact, null, MismatchPolicy.Error, null, null), (recipe.Method, recipe.Alpha, recipe.Numerics, recipe.OutputDtype, recipe.OnMismatch, recipe.MaxShardBytes, recipe.Output));
    }

    [Fact]
    public void Options_win_over_the_file()
    {
        RecipeDraft draft = RecipeDraft.FromYaml(Good, "r.yaml").OverriddenBy(RecipeDraft.FromOptions(alpha: "0.5", dtype: "aligned", output: "elsewhere"));

        Recipe recipe = draft.Validate().Recipe!;

        Assert.Equal((0.5, null, "elsewhere", "models/sft"), (recipe.Alpha, recipe.OutputDtype, recipe.Output, recipe.Base));
    }

    [Theory]
    [InlineData("0.3", 0.3)]
    [InlineData("-0.5", -0.5)]
    [InlineData("25", 25)]
    [InlineData("1e-3", 0.001)]
    [InlineData("+.5", 0.5)]
    public void Alpha_is_any_finite_number(string text, double alpha) =>
        Assert.Equal(alpha, Recipe($"base: a\naligned: b\nalpha: {text}").Alpha);

    [Theory]
    [InlineData("EXPO2001", "aligned", "base: a\nalpha: 1")]
    [InlineData("EXPO2001", "alpha", "base: a\naligned: b")]
    [InlineData("EXPO2002", "alhpa (line 4)", "base: a\naligned: b\nalpha: 1\nalhpa: 2")]
    [InlineData("EXPO2003", "base (line 4)", "base: a\naligned: b\nalpha: 1\nbase: c")]
    [InlineData("EXPO2004", "alpha (line 3)", "base: a\naligned: b\nalpha: much")]
    [InlineData("EXPO2004", "alpha (line 3)", "base: a\naligned: b\nalpha: .inf")]
    [InlineData("EXPO2004", "alpha (line 3)", "base: a\naligned: b\nalpha: NaN")]
    [InlineData("EXPO2004", "alpha (line 3)", "base: a\naligned: b\nalpha: 1e999")]
    [InlineData("EXPO2004", "alpha (line 3)", "base: a\naligned: b\nalpha: 1e39")]
    [InlineData("EXPO2005", "method (line 4)", "base: a\naligned: b\nalpha: 1\nmethod: slerp")]
    [InlineData("EXPO2006", "numerics (line 4)", "base: a\naligned: b\nalpha: 1\nnumerics: fuzzy")]
    [InlineData("EXPO2006", "dtype (line 4)", "base: a\naligned: b\nalpha: 1\ndtype: f8")]
    [InlineData("EXPO2006", "on_mismatch (line 4)", "base: a\naligned: b\nalpha: 1\non_mismatch: ignore")]
    [InlineData("EXPO2007", "dtype (line 5)", "base: a\naligned: b\nalpha: 1\nnumerics: official\ndtype: f32")]
    [InlineData("EXPO2008", "max_shard_size (line 4)", "base: a\naligned: b\nalpha: 1\nmax_shard_size: big")]
    [InlineData("EXPO2009", "base (line 1)", "base: {x: y}\naligned: b\nalpha: 1")]
    [InlineData("EXPO2010", "merge_method (line 4)", "base: a\naligned: b\nalpha: 1\nmerge_method: linear")]
    [InlineData("EXPO2011", "r.yaml (line 1, column 7)", "base: a\n\taligned: b")]
    [InlineData("EXPO2012", "r.yaml (line 4)", "base: a\naligned: b\nalpha: 1\n? [x, y]\n: z")]
    [InlineData("EXPO2014", "alpha (line 3)", "base: a\naligned: b\nalpha: &x 1")]
    [InlineData("EXPO2014", "base (line 1)", "base: *x\naligned: b\nalpha: 1")]
    [InlineData("EXPO2015", "base (line 1)", "base:\naligned: b\nalpha: 1")]
    [InlineData("EXPO2015", "base (line 1)", "base: ''\naligned: b\nalpha: 1")]
    [InlineData("EXPO2015", "base (line 1)", "base: ~\naligned: b\nalpha: 1")]
    [InlineData("EXPO2015", "out (line 4)", "base: a\naligned: b\nalpha: 1\nout: null")]
    [InlineData("EXPO2016", "out (line 4)", "base: a\naligned: b\nalpha: 1\nout: \"x\\0y\"")]
    [InlineData("EXPO2016", "name (line 4)", "base: a\naligned: b\nalpha: 1\nname: \"two\\nlines\"")]
    public void A_problem_has_its_code_and_its_place(string code, string path, string yaml)
    {
        RecipeValidation validation = RecipeDraft.FromYaml(yaml, "r.yaml").Validate();

        Assert.Null(validation.Recipe);
        RecipeProblem problem = Assert.Single(validation.Problems);
        Assert.Equal((code, path), (problem.Code, problem.Path));
        Assert.NotEmpty(problem.Advice);
    }

    [Theory]
    [InlineData("EXPO2012", "- a\n- b")]
    [InlineData("EXPO2012", "just text")]
    [InlineData("EXPO2012", "")]
    [InlineData("EXPO2012", "# a comment")]
    [InlineData("EXPO2011", "base: 'a")]
    public void What_is_no_mapping_is_no_recipe_and_its_keys_are_not_missed(string code, string yaml) =>
        Assert.Equal(code, Assert.Single(RecipeDraft.FromYaml(yaml, "r.yaml").Validate().Problems).Code);

    [Fact]
    public void A_mergekit_configuration_is_one_problem()
    {
        const string yaml = "models:\n- model: a/b\n  parameters: {weight: 1.0}\nmerge_method: linear\nbase_model: a/c\ndtype: float16";

        RecipeProblem problem = Assert.Single(RecipeDraft.FromYaml(yaml, "r.yaml").Validate().Problems);

        Assert.Equal(("EXPO2010", "models (line 1)"), (problem.Code, problem.Path));
        Assert.Contains("method: expo", problem.Advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("~")]
    public void A_quoted_null_is_a_text(string text) => Assert.Equal(text, Recipe($"base: '{text}'\naligned: b\nalpha: 1").Base);

    [Theory]
    [InlineData("alpha: [0.1, 0.2]")]
    [InlineData("alpha:")]
    [InlineData("alpha: much")]
    public void An_option_mends_the_value_that_it_replaces(string line)
    {
        RecipeDraft draft = RecipeDraft.FromYaml("base: a\naligned: b\n" + line, "r.yaml").OverriddenBy(RecipeDraft.FromOptions(alpha: "0.5"));

        Assert.Equal(0.5, draft.Validate().Recipe?.Alpha);
    }

    [Fact]
    public void A_problem_of_an_option_names_the_option()
    {
        RecipeDraft options = RecipeDraft.FromOptions(
            name: "\uD800", @base: "", aligned: "a", alpha: "x", numerics: "x", dtype: "x", maxShardSize: "x", onMismatch: "x", output: "\0");

        Assert.Equal(
            ["--alpha", "--base", "--dtype", "--max-shard-size", "--name", "--numerics", "--on-mismatch", "--out"],
            options.Validate().Problems.Select(problem => problem.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void All_problems_are_reported_at_once()
    {
        RecipeValidation validation = RecipeDraft.FromYaml("alpha: x\ndtype: y\nmethod: z\nfoo: 1", "r.yaml").Validate();

        Assert.Equal(
            ["EXPO2002", "EXPO2005", "EXPO2001", "EXPO2001", "EXPO2004", "EXPO2006"], validation.Problems.Select(problem => problem.Code));
    }

    [Fact]
    public void A_mistyped_key_gets_a_suggestion()
    {
        RecipeValidation validation = RecipeDraft.FromYaml("base: a\naligned: b\nalpha: 1\nnumeric: exact", "r.yaml").Validate();

        Assert.Equal("did you mean 'numerics'?", Assert.Single(validation.Problems).Advice);
    }

    [Fact]
    public void Bombs_are_refused_without_exploding()
    {
        string aliases = "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c]";
        Assert.Contains(RecipeDraft.FromYaml(aliases, "r.yaml").Validate().Problems, problem => problem.Code == "EXPO2014");
        Assert.Contains(RecipeDraft.FromYaml("x: " + new string('[', 10_000), "r.yaml").Validate().Problems, problem => problem.Code == "EXPO2011");
        Assert.Contains(RecipeDraft.FromYaml(new string('#', 2_000_000), "r.yaml").Validate().Problems, problem => problem.Code == "EXPO2013");
    }

    [Fact]
    public void Whatever_is_in_a_file_it_ends_in_a_recipe_or_in_problems()
    {
        var random = new Random(11);
        const string alphabet = "abc:{}[]&*!|>'\"%@`#-?, \n\t0.1\u00e9\ufeff\\\0\uD800";
        string[] whole = [Good, "a: &x [1, *x]\n", "? k\n: - v\n  - {a: b}\n", "a: |\n  text\n", "%TAG ! x\n--- !!map\n"];
        for (int time = 0; time < 10_000; time++)
        {
            char[] text = whole[time % whole.Length].ToCharArray();
            for (int change = random.Next(1, 6); change > 0; change--)
            {
                text[random.Next(text.Length)] = alphabet[random.Next(alphabet.Length)];
            }

            RecipeValidation validation = RecipeDraft.FromYaml(new string(text), "r.yaml").Validate();
            Assert.Equal(validation.Recipe is null, !validation.Problems.IsEmpty);
        }
    }

    [Fact]
    public void The_canonical_form_is_frozen_and_comes_back()
    {
        Recipe recipe = Recipe(Good);

        Assert.Equal(
            """{"name":"my-expo","method":"expo","base":"models/sft","aligned":"models/dpo","alpha":0.3,"numerics":"exact","dtype":"bf16","on_mismatch":"copy-aligned","max_shard_size":"5000000000","out":"models/out"}""",
            recipe.ToCanonicalJson());
        Assert.Equal(recipe, Core.Recipes.Recipe.FromCanonicalJson(recipe.ToCanonicalJson()));
        Recipe plain = recipe with { Name = null, Output = null, MaxShardBytes = null, OutputDtype = null, Alpha = -1e-7 };
        Assert.Equal(plain, Core.Recipes.Recipe.FromCanonicalJson(plain.ToCanonicalJson()));
        Assert.Throws<FormatException>(() => Core.Recipes.Recipe.FromCanonicalJson("{"));
        Assert.Throws<FormatException>(() => Core.Recipes.Recipe.FromCanonicalJson("{}"));
    }

    private static Recipe Recipe(string yaml)
    {
        RecipeValidation validation = RecipeDraft.FromYaml(yaml, "r.yaml").Validate();
        Assert.Empty(validation.Problems);
        return validation.Recipe!;
    }
}

public sealed class ByteSizeTests
{
    [Theory]
    [InlineData("512", 512)]
    [InlineData("5GB", 5_000_000_000)]
    [InlineData("2.5 MB", 2_500_000)]
    [InlineData("1GiB", 1L << 30)]
    [InlineData("64kb", 64_000)]
    [InlineData("7B", 7)]
    [InlineData("3TB", 3_000_000_000_000)]
    [InlineData("2TiB", 2L << 40)]
    [InlineData(" 5 gb ", 5_000_000_000)]
    [InlineData(".5MiB", 1L << 19)]
    [InlineData("0.0019KB", 1)]
    [InlineData("0", 0)]
    [InlineData("9223372036854775807", long.MaxValue)]
    public void Sizes_are_read_as_people_write_them(string text, long bytes)
    {
        Assert.True(ByteSize.TryParse(text, out long read));
        Assert.Equal(bytes, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("GB")]
    [InlineData("-1GB")]
    [InlineData("1.2.3MB")]
    [InlineData("5 parsecs")]
    [InlineData("99999999999TB")]
    [InlineData("9223372036854775808")]
    [InlineData("1e3")]
    [InlineData("1,5GB")]
    [InlineData(".")]
    [InlineData("5 G B")]
    [InlineData("\u0665GB")]
    public void What_is_no_size_is_refused(string text) => Assert.False(ByteSize.TryParse(text, out _));

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(1_000, "1.00 KB")]
    [InlineData(14_483_464_192, "14.5 GB")]
    [InlineData(999_600_000, "1.00 GB")]
    [InlineData(9_994, "9.99 KB")]
    [InlineData(9_995, "10.0 KB")]
    [InlineData(99_949, "99.9 KB")]
    [InlineData(99_950, "100 KB")]
    [InlineData(999_499, "999 KB")]
    [InlineData(long.MaxValue, "9.22 EB")]
    [InlineData(-1_500, "-1.50 KB")]
    public void Sizes_are_shown_with_three_digits(long bytes, string text) => Assert.Equal(text, ByteSize.Format(bytes));
}
