using System.Text.Json;
using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Core.Tests.Recipes;

/// <summary>Recipes as JSON from somebody else.</summary>
public sealed class RequestDraftTests
{
    [Fact]
    public void A_complete_recipe_is_read_as_its_canonical_form()
    {
        const string canonical = """
            {"name":"mine","method":"expo","base":"b","aligned":"a","alpha":[{"match":"*.q","alpha":0.1},{"match":"*","alpha":0.3}],"numerics":"stochastic","seed":7,"dtype":"bf16","on_mismatch":[{"match":"*","policy":"drop"}],"max_shard_size":"5000000000","out":"o"}
            """;

        Assert.Equal(canonical.Trim(), Read(canonical).Recipe!.ToCanonicalJson());
    }

    [Fact]
    public void Keys_of_the_caller_and_nulls_are_passed_over() => Assert.Equal(
        0.3, Read("""{"id": {"any": "thing"}, "base": "b", "aligned": "a", "alpha": 0.3, "name": null}""", "id").Recipe!.Alpha.Single);

    [Theory]
    [InlineData("""{"colour": 1}""", "EXPO2002", "colour")]
    [InlineData("""{"merge_method": "ties"}""", "EXPO2010", "merge_method")]
    [InlineData("""{"base": {"path": "b"}}""", "EXPO2009", "base")]
    [InlineData("""{"base": ["b"]}""", "EXPO2009", "base")]
    [InlineData("""{"base": "\ud800"}""", "EXPO2009", "base")]
    [InlineData("""{"base": ""}""", "EXPO2015", "base")]
    [InlineData("""{"base": "a\u0000b"}""", "EXPO2016", "base")]
    [InlineData("""{"alpha": true}""", "EXPO2004", "alpha")]
    [InlineData("""{"alpha": 1e999}""", "EXPO2004", "alpha")]
    [InlineData("""{"alpha": [{"match": "*", "alpha": {"x": 1}}]}""", "EXPO2019", "alpha[0]")]
    [InlineData("""{"alpha": [[1]]}""", "EXPO2019", "alpha[0]")]
    [InlineData("""{"sweep": []}""", "EXPO2020", "sweep")]
    [InlineData("""[1]""", "EXPO2012", "recipe")]
    public void What_cannot_be_is_told_with_its_place(string json, string code, string path) =>
        Assert.Contains(Read(json).Problems, problem => (problem.Code, problem.Path) == (code, path));

    [Fact]
    public void A_list_that_is_too_long_is_not_read() => Assert.Contains(
        Read($$"""{"sweep": [{{string.Join(',', Enumerable.Repeat("1", 4097))}}]}""").Problems, problem => problem.Code == "EXPO2013");

    private static RecipeValidation Read(string json, params string[] beside)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return RecipeDraft.FromRequest(document.RootElement, beside).Validate();
    }
}
