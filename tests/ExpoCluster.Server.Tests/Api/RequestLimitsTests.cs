using System.Net;
using System.Text.Json.Nodes;
using ExpoCluster.Server.Api;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace ExpoCluster.Server.Tests.Api;

public sealed class RequestLimitsTests : ApiScene
{
    private const string Ada = "a-token-of-ada-0123456789";
    private const string Bob = "a-token-of-bob-0123456789";

    public override async Task InitializeAsync()
    {
        UseTokens($"{Ada} operator ada", $"{Bob} operator bob");
        await StartAsync(Ada);
    }

    [Fact]
    public void Whatever_a_connection_can_fill_has_a_limit()
    {
        var server = new KestrelServerOptions();

        RequestLimits.Apply(server);

        Assert.Equal((1000L, 500L), (server.Limits.MaxConcurrentConnections, server.Limits.MaxConcurrentUpgradedConnections));
        Assert.Equal((1L << 20, 32 << 10, 8 << 10, 64), (server.Limits.MaxRequestBodySize, server.Limits.MaxRequestHeadersTotalSize, server.Limits.MaxRequestLineSize, server.Limits.MaxRequestHeaderCount));
        Assert.InRange(server.Limits.RequestHeadersTimeout, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30));
        Assert.NotNull(server.Limits.MinRequestBodyDataRate);
        Assert.False(server.AddServerHeader);
    }

    [Fact]
    public async Task Whoever_guesses_tokens_is_slowed_down()
    {
        HttpResponseMessage[] answers = await Task.WhenAll(Enumerable.Range(0, RequestLimits.SignInsAtOnce + 1).Select(number =>
            Http.PostAsync("/sign-in", new FormUrlEncodedContent([new("token", $"a-guess-{number}")]))));

        HttpResponseMessage refused = Assert.Single(answers, answer => answer.StatusCode != HttpStatusCode.OK);
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.Equal("EXPO5111", (string?)JsonNode.Parse(await refused.Content.ReadAsStringAsync())!["code"]);
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task Whoever_submits_without_a_pause_is_slowed_down_and_nobody_else_is()
    {
        HttpStatusCode[] answers = await Task.WhenAll(Enumerable.Range(0, 2 * RequestLimits.SubmissionsAtOnce).Select(async _ => (await PostAsync("/api/plan", "{}")).StatusCode));

        Assert.Contains(HttpStatusCode.TooManyRequests, answers);
        Assert.InRange(answers.Count(answer => answer == HttpStatusCode.UnprocessableEntity), RequestLimits.SubmissionsAtOnce, (2 * RequestLimits.SubmissionsAtOnce) - 1);
        Assert.Equal(HttpStatusCode.OK, (await Http.GetAsync("/api/jobs")).StatusCode);
        Http.DefaultRequestHeaders.Authorization = new("Bearer", Bob);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await PostAsync("/api/plan", "{}")).StatusCode);
    }
}
