using System.Text.Json;
using ExpoCluster.Cli.Commands;
using ExpoCluster.Client;
using ExpoCluster.Client.Jobs;
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
    [InlineData("""{"base": "b.pt#state", "aligned": "hf:org/name@main#ema", "alpha": 0.3, "out": "o", "rename": [{"from": "a.", "to": "", "in": "base"}]}""")]
    public void A_server_understands_what_was_meant_here(string json)
    {
        using JsonDocument written = JsonDocument.Parse(json);
        Recipe recipe = RecipeDraft.FromRequest(written.RootElement).Validate().Recipe!;

        RecipeRequest sent = RemoteMerge.RequestOf(recipe, overwrite: true);

        using JsonDocument body = JsonDocument.Parse(JsonSerializer.Serialize(sent, ContractJson.Default.RecipeRequest));
        JobRequest received = JobRequest.Read(body.RootElement, (_, path) => path, needsOutput: true);
        Assert.Equal(recipe.ToCanonicalJson(), received.Recipe.ToCanonicalJson());
        Assert.True(received.Overwrite);
        Assert.Null(received.Id);
    }
}
