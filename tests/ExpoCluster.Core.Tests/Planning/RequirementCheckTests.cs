using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Planning;

public sealed class RequirementCheckTests : IDisposable
{
    private const string TwoTokens = """{"model": {"vocab": {"a": 0, "b": 1}}}""";

    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Theory]
    [InlineData("""{"num_hidden_layers": 3}""", 3, null)]
    [InlineData("""{"num_hidden_layers": 3}""", 2, "models of 2 layers, but base has 3")]
    [InlineData("""{"text_config": {"num_hidden_layers": 3}, "num_hidden_layers": 9}""", 3, null)]
    [InlineData("{}", 2, null)]
    [InlineData("{}", 1, "models of 1 layers, but base has 2")]
    public void Layers_are_those_of_the_configuration_or_else_of_the_names(string config, int layers, string? said)
    {
        place.Write("base/config.json", config);
        place.Write("aligned/config.json", config);
        Expect(new RecipeRequirements(layers), said, rows: 2);
    }

    [Theory]
    [InlineData(TwoTokens, TwoTokens, 2, null)]
    [InlineData(TwoTokens, TwoTokens, 3, "'model.embed_tokens.weight' of base has 3 rows for 2 tokens")]
    [InlineData(TwoTokens, """{"model": {"vocab": {"b": 0, "a": 1}}}""", 2, "the two have other tokens")]
    [InlineData(TwoTokens, """{"model": {"vocab": {"a": 0, "b": 1}}, "added_tokens": [{"id": 2, "content": "c"}]}""", 2, "the two have other tokens")]
    [InlineData(TwoTokens, "", 2, "aligned has no tokenizer.json")]
    public void A_tokenizer_is_shared_where_each_token_has_its_row(string ofBase, string ofAligned, int rows, string? said)
    {
        place.Write("base/tokenizer.json", ofBase);
        place.Write("aligned/tokenizer.json", ofAligned);
        Expect(new RecipeRequirements(IsTokenizerShared: true), said, rows);
    }

    [Fact]
    public void Models_without_tokenizers_have_none_that_differs() => Expect(new RecipeRequirements(IsTokenizerShared: true), said: null, rows: 2);

    [Theory]
    [InlineData("""{"chat_template": "{{ a }}"}""", """{"chat_template": "{{ a }} "}""", null)]
    [InlineData("{}", """{"chat_template": "{{ a }}"}""", null)]
    [InlineData("""{"chat_template": "{{ a }}"}""", """{"chat_template": "{{ b }}"}""", "base has another one than aligned")]
    [InlineData("""{"chat_template": "{{ a }}"}""", "{}", "base has another one than aligned")]
    public void A_chat_template_of_base_must_be_aligneds(string ofBase, string ofAligned, string? said)
    {
        place.Write("base/tokenizer_config.json", ofBase);
        place.Write("aligned/tokenizer_config.json", ofAligned);
        Expect(new RecipeRequirements(IsChatTemplateShared: true), said, rows: 2);
    }

    private void Expect(RecipeRequirements requirements, string? said, int rows)
    {
        foreach (string side in new[] { "base", "aligned" })
        {
            place.Write(side + "/model.safetensors", ("model.embed_tokens.weight", Dtype.BF16, [rows, 2], 1), ("model.layers.1.w.weight", Dtype.BF16, [2, 2], 1));
        }

        var recipe = new Recipe { Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.3, Requires = requirements };
        if (said is null)
        {
            Planner.Plan(recipe);
            return;
        }

        PlanningException refused = Assert.Throws<PlanningException>(() => Planner.Plan(recipe));
        Assert.Equal("EXPO1248", refused.Code);
        Assert.Contains(said, refused.Message, StringComparison.Ordinal);
    }
}
