using System.Net;
using System.Text.Json.Nodes;
using ExpoCluster.Client.Nodes;
using ExpoCluster.Client.Recipes;
using ExpoCluster.Core.Recipes.BuiltIn;

namespace ExpoCluster.Server.Tests.Api;

public sealed class ClusterEndpointsTests : ApiScene
{
    [Fact]
    public async Task A_node_describes_its_cluster()
    {
        ClusterStatus status = await Client.ClusterAsync();

        ClusterMember self = Assert.Single(status.Nodes);
        Assert.Equal((status.Self, "up", true, "test"), (self.Address, self.Status, self.Reachable, status.Version));
        Assert.Equal(["coordinator", "web", "worker"], self.Roles);
        Assert.Equal(status.Self, status.Leader);
    }

    [Fact]
    public async Task All_built_in_recipes_are_listed()
    {
        RecipeList list = await Client.RecipesAsync();

        Assert.Equal(BuiltInRecipes.All.Select(recipe => recipe.Name), list.Recipes.Select(recipe => recipe.Name));
        Assert.All(list.Recipes, recipe => Assert.StartsWith("hf:", recipe.Base, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_node_that_can_work_is_ready()
    {
        HttpResponseMessage response = await Http.GetAsync("/health/ready");
        JsonNode health = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;

        Assert.Equal((HttpStatusCode.OK, "ok"), (response.StatusCode, (string?)health["status"]));
        Assert.Equal(["cluster", "database", "storage", "planners"], health["checks"]!.AsArray().Select(check => (string?)check!["name"]));
    }

    [Fact]
    public async Task A_node_that_left_its_cluster_is_not_ready_and_says_why()
    {
        await Node.Node.System.Terminate();

        HttpResponseMessage response = await Http.GetAsync("/health/ready");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Contains("no member", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_whose_storage_vanished_is_not_ready_says_why_and_is_ready_when_it_is_back()
    {
        string elsewhere = Pair.Root + "-elsewhere";
        Directory.Move(Pair.Root, elsewhere);
        HttpResponseMessage response = await Http.GetAsync("/health/ready");
        string reasons = await response.Content.ReadAsStringAsync();
        string metrics = await Http.GetStringAsync("/metrics");
        Directory.Move(elsewhere, Pair.Root);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        JsonNode storage = JsonNode.Parse(reasons)!["checks"]!.AsArray().Single(check => (string?)check!["name"] == "storage")!;
        Assert.Equal((false, $"{Pair.Root} is no directory of this machine any more"), ((bool)storage["holds"]!, (string?)storage["reason"]));
        Assert.Contains($"expocluster_storage_seen{{root=\"{Pair.Root}\"}} 0", metrics, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await Http.GetAsync("/health/ready")).StatusCode);
    }

    [Fact]
    public async Task The_document_of_the_interface_has_every_address()
    {
        JsonNode document = JsonNode.Parse(await Http.GetStringAsync("/openapi/v1.json"))!;

        Assert.Equal(
            [
                "DELETE /api/jobs/{id}", "GET /api/cluster", "GET /api/jobs", "GET /api/jobs/{id}", "GET /api/jobs/{id}/events", "GET /api/recipes",
                "GET /health/live", "GET /health/ready", "POST /api/jobs", "POST /api/jobs/prune", "POST /api/jobs/{id}/resume", "POST /api/plan",
            ],
            document["paths"]!.AsObject()
                .SelectMany(path => path.Value!.AsObject().Select(operation => $"{operation.Key.ToUpperInvariant()} {path.Key}")).Order(StringComparer.Ordinal));
        JsonObject recipe = document["components"]!["schemas"]!["RecipeRequest"]!["properties"]!.AsObject();
        Assert.Contains("max_shard_size", recipe.Select(property => property.Key));
    }

    [Fact]
    public async Task The_document_is_made_once_and_names_nobody()
    {
        byte[] first = await Http.GetByteArrayAsync("/openapi/v1.json");
        var clock = System.Diagnostics.Stopwatch.StartNew();
        for (int request = 0; request < 200; request++)
        {
            Assert.Equal(first, await Http.GetByteArrayAsync("/openapi/v1.json"));
        }

        // Made for each of them they would take tens of seconds.
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"{clock.Elapsed}");
        Assert.Null(JsonNode.Parse(first)!["servers"]);
    }

    [Theory]
    [InlineData("GET", "/api/elsewhere", 404)]
    [InlineData("PUT", "/api/jobs", 405)]
    public async Task What_there_is_not_is_a_problem_like_others(string method, string path, int status)
    {
        HttpResponseMessage response = await Http.SendAsync(new HttpRequestMessage(new HttpMethod(method), path));

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal("EXPO5106", (string?)JsonNode.Parse(await response.Content.ReadAsStringAsync())!["code"]);
    }

    [Theory]
    [InlineData("Host", "evil.example")]
    [InlineData("Origin", "http://evil.example")]
    [InlineData("Origin", "null")]
    public async Task What_another_site_makes_a_browser_ask_is_refused(string header, string value)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/jobs");
        request.Headers.TryAddWithoutValidation(header, value);

        HttpResponseMessage response = await Http.SendAsync(request);

        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Equal("EXPO5107", (string?)JsonNode.Parse(await response.Content.ReadAsStringAsync())!["code"]);
    }
}
