using System.Text.Json;
using ExpoCluster.Cli.Commands;
using ExpoCluster.Client;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Server.Jobs;

namespace ExpoCluster.Cli.Tests.Commands;

public sealed class RemoteMergeTests
{
    [Theory]
    [InlineData("""{"base": "b", "aligned": "a", "alpha": 0.3, "out": "o"}""")]
    [InlineData("""{"base": "b", "aligned": "a", "sweep": [0.1, 0.3], "out": "o", "numerics": "official", "max_shard_size": "5GB"}""")]
    [InlineData("""{"base": "b", "aligned": "a", "alpha_by_depth": [0.1, 0.3], "out": "o", "numerics": "stochastic", "seed": 7, "on_mismatch": "drop"}""")]
    [InlineData("""{"name": "n", "base": "b", "aligned": "a", "alpha": [{"match": "*", "alpha": 0.3}], "out": "o", "dtype": "f32", "on_mismatch": [{"match": "*", "policy": "untie"}]}""")]
    [InlineData("""{"base": "b", "aligned": "a", "alpha": 0.3, "out": "o", "strict": true}""")]
    [InlineData("""{"base": "b.pt#state", "aligned": "hf:org/name@main#ema", "alpha": 0.3, "out": "o", "rename": [{"from": "a.", "to": "", "in": "base"}]}""")]
    [InlineData("""{"base": "b", "aligned": "a", "alpha": 0.3, "out": "o", "require": "layers=2, same-tokenizer"}""")]
    public void A_server_understands_what_was_meant_here(string json)
    {
        using JsonDocument written = JsonDocument.Parse(json);
        Recipe recipe = RecipeDraft.FromRequest(written.RootElement).Validate().Recipe!;

        RecipeRequest sent = RemoteMerge.RequestOf(recipe, overwrite: true);

        using JsonDocument body = JsonDocument.Parse(JsonSerializer.Serialize(sent, ContractJson.Default.RecipeRequest));
        JobRequest received = JobRequest.Read(body.RootElement, (_, path) => path, needsOutput: true);
        Assert.Equal(recipe.ToCanonicalJson(), received.Recipe.ToCanonicalJson());
        Assert.True(received.Overwrite);
        Assert.True(received.TakesSample);
        Assert.Null(received.Id);
    }

    [Fact]
    public void A_server_takes_no_sample_where_none_is_wanted()
    {
        var recipe = new Recipe { Base = "b", Aligned = "a", Alpha = 0.3, Output = "o" };

        string sent = JsonSerializer.Serialize(RemoteMerge.RequestOf(recipe, overwrite: false, new PlanOptions { TakesSample = false }), ContractJson.Default.RecipeRequest);
        string usual = JsonSerializer.Serialize(RemoteMerge.RequestOf(recipe, overwrite: false, new PlanOptions()), ContractJson.Default.RecipeRequest);

        using JsonDocument body = JsonDocument.Parse(sent);
        Assert.False(JobRequest.Read(body.RootElement, (_, path) => path, needsOutput: true).TakesSample);
        Assert.DoesNotContain("no_sample", usual, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_neither_true_nor_false_is_refused()
    {
        using JsonDocument body = JsonDocument.Parse("""{"base": "b", "aligned": "a", "alpha": 0.3, "out": "o", "no_sample": 1}""");

        UsageException refusal = Assert.Throws<UsageException>(() => JobRequest.Read(body.RootElement, (_, path) => path, needsOutput: true));

        Assert.Equal(("EXPO2091", "no_sample"), (refusal.Problems[0].Code, refusal.Problems[0].Path));
    }
}
