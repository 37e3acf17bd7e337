using System.Net;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Client.Problems;

namespace ExpoCluster.Client.Tests;

/// <summary>Answers that are JSON and not of the contract: null where something must be.</summary>
public sealed class HostileServerTests
{
    private const string Job = """{"id":"abc","state":"running","submittedAt":"2026-01-02T03:04:05Z","changedAt":"2026-01-02T03:04:06Z" MORE}""";

    [Theory]
    [InlineData("null")]
    [InlineData("""{"jobs":null,"next":null}""")]
    [InlineData("""{"next":null}""")]
    [InlineData("""{"jobs":[null],"next":null}""")]
    [InlineData("""{"jobs":[{"id":null,"state":"done"}],"next":null}""")]
    [InlineData("""{"jobs":[{"id":"a","state":"done","reason":{}}],"next":null}""")]
    [InlineData("""{"jobs":[{"id":"a","state":"done","output":[null]}],"next":null}""")]
    public Task A_list_of_nothing_is_no_list(string body) => AssertRefusedAsync(body, client => client.ListAsync(new JobQuery()));

    [Theory]
    [InlineData(""","files":[null]""")]
    [InlineData(""","files":[{"bytes":1}]""")]
    [InlineData(""","lanes":[null]""")]
    [InlineData(""","lanes":[{"file":1}]""")]
    [InlineData(""","notes":[null]""")]
    [InlineData(""","statistics":[null]""")]
    [InlineData(""","statistics":[{}]""")]
    [InlineData(""","alphas":[null]""")]
    [InlineData(""","transfers":{"underWay":[null]}""")]
    public Task A_job_with_nothing_in_it_is_no_job(string more) =>
        AssertRefusedAsync(Job.Replace(" MORE", more, StringComparison.Ordinal), client => client.ShowAsync("abc"));

    [Theory]
    [InlineData("""{"jobs":[null],"kept":[],"more":false}""")]
    [InlineData("""{"kept":[],"more":false}""")]
    public Task A_pruning_of_nothing_is_none(string body) => AssertRefusedAsync(body, client => client.PruneAsync(new PruneQuery { OlderThan = TimeSpan.Zero }));

    [Theory]
    [InlineData("""{"digest":"d","method":"expo","numerics":"exact","alphas":[null],"base":"b","aligned":"a","files":[],"tensors":{},"notes":[]}""")]
    [InlineData("""{"digest":"d","method":"expo","numerics":"exact","alphas":[],"base":"b","aligned":"a","files":[null],"tensors":{"inPart":[],"dtypes":[]},"notes":[]}""")]
    [InlineData("""{"digest":"d","method":"expo","numerics":"exact","alphas":[],"base":"b","aligned":"a","files":[],"tensors":{"inPart":null,"dtypes":[]},"notes":[]}""")]
    [InlineData("""{"digest":null,"method":"expo","numerics":"exact","alphas":[],"base":"b","aligned":"a","files":[],"tensors":{"inPart":[],"dtypes":[]},"notes":[]}""")]
    public Task A_plan_of_nothing_is_no_plan(string body) => AssertRefusedAsync(body, client => client.PlanAsync(new RecipeRequest()));

    [Theory]
    [InlineData("null")]
    [InlineData("""{"sequence":1}""")]
    [InlineData("""{"sequence":1,"state":"failed","reason":{}}""")]
    public Task An_event_of_nothing_is_none(string data) => AssertRefusedAsync(
        $"event: state\ndata: {data}\n\n", async client => await client.WatchAsync("abc").FirstAsync(), "text/event-stream");

    [Theory]
    [InlineData("null")]
    [InlineData("""{"id":"abc","state":"running","files":[null]}""")]
    public Task Progress_of_nothing_is_none(string data) => AssertRefusedAsync(
        $"event: progress\ndata: {data}\n\n", async client => await client.WatchAsync("abc").FirstAsync(), "text/event-stream");

    [Theory]
    [InlineData("""{"code":"EXPO2001","problems":[null]}""")]
    [InlineData("""{"code":null}""")]
    [InlineData("null")]
    public Task A_problem_of_nothing_is_none(string body) =>
        AssertRefusedAsync(body, client => client.ShowAsync("abc"), Problem.MediaType, HttpStatusCode.BadRequest);

    [Fact]
    public async Task What_may_be_null_may_be()
    {
        var server = new Transcript(Transcript.Json(Job.Replace(
            " MORE", ""","output":null,"parts":null,"reason":null,"files":null,"transfers":null,"rate":null,"statistics":[{"output":"o","alpha":null,"effectiveAlpha":null}]""", StringComparison.Ordinal)));
        using var client = new ExpoClusterClient(new Uri("http://server:8080/"), transport: server);

        Job job = await client.ShowAsync("abc");

        Assert.Empty(job.Output);
        Assert.Equal(0, job.Parts.Total);
        Assert.Equal("o", Assert.Single(job.Statistics!).Output);
    }

    private static async Task AssertRefusedAsync(
        string body, Func<ExpoClusterClient, Task> ask, string mediaType = "application/json", HttpStatusCode status = HttpStatusCode.OK)
    {
        using var client = new ExpoClusterClient(new Uri("http://server:8080/"), transport: new Transcript(Transcript.Answer(status, mediaType, body)));

        ExpoClusterException failure = await Assert.ThrowsAsync<ExpoClusterException>(() => ask(client));

        Assert.Equal(ExpoClusterException.UnexpectedAnswer, failure.Code);
    }
}
