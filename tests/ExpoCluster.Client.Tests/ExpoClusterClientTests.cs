using System.Net;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Client.Problems;

namespace ExpoCluster.Client.Tests;

public sealed class ExpoClusterClientTests
{
    private const string Job = """{"id":"abc","state":"running","submittedAt":"2026-01-02T03:04:05Z","changedAt":"2026-01-02T03:04:06Z"}""";

    [Fact]
    public async Task A_job_is_read_and_the_token_shown()
    {
        var server = new Transcript(Transcript.Json(Job));
        using var client = new ExpoClusterClient(new Uri("http://server:8080/below"), "s3cret", server);

        Job job = await client.ShowAsync("abc");

        Assert.Equal(("abc", "running"), (job.Id, job.State));
        Assert.Equal(("GET /below/api/jobs/abc", "Bearer s3cret"), (server.Requests[0].Line, server.Requests[0].Authorization));
    }

    [Fact]
    public async Task A_recipe_is_sent_with_its_own_keys_and_without_those_that_are_not_given()
    {
        var server = new Transcript(Transcript.Answer(HttpStatusCode.Created, "application/json", Job));
        using ExpoClusterClient client = Client(server);

        SubmittedJob submitted = await client.SubmitAsync(new RecipeRequest { Base = "b", Aligned = "a", Alpha = 0.3, MaxShardSize = "5GB", Output = "o" });

        Assert.True(submitted.IsNew);
        Assert.Equal("""{"base":"b","aligned":"a","alpha":0.3,"max_shard_size":"5GB","out":"o"}""", server.Requests[0].Body);
    }

    [Fact]
    public async Task A_submission_is_repeated_when_the_connection_breaks()
    {
        var server = new Transcript(Transcript.Broken, Transcript.Broken, Transcript.Json(Job));
        using ExpoClusterClient client = Client(server);

        SubmittedJob submitted = await client.SubmitAsync(new RecipeRequest { Id = "abc" });

        Assert.False(submitted.IsNew);
        Assert.Equal(3, server.Requests.Count);
        Assert.Single(server.Requests.Select(request => request.Body).Distinct());
    }

    [Fact]
    public async Task A_problem_becomes_an_exception_with_everything_that_it_says()
    {
        using ExpoClusterClient client = Client(new Transcript(Transcript.Answer(
            HttpStatusCode.UnprocessableEntity,
            "application/problem+json",
            """
            {"title":"Unprocessable","status":422,"detail":"two things","code":"EXPO2001","advice":"mend both",
             "problems":[{"code":"EXPO2001","path":"base","message":"missing","advice":"add it"},{"code":"EXPO2004","path":"alpha","message":"no number"}]}
            """)));

        ExpoClusterException refusal = await Assert.ThrowsAsync<ExpoClusterException>(() => client.PlanAsync(new RecipeRequest()));

        Assert.Equal(("EXPO2001", "two things", "mend both", 422), (refusal.Code, refusal.Message, refusal.Advice, refusal.Problem.Status));
        Assert.Equal([("base", "add it"), ("alpha", null)], refusal.Problem.Problems.Select(problem => (problem.Path, problem.Advice)));
    }

    [Theory]
    [InlineData(HttpStatusCode.BadGateway, "text/html", "<h1>Bad gateway</h1>")]
    [InlineData(HttpStatusCode.OK, "application/json", "<h1>Welcome</h1>")]
    [InlineData(HttpStatusCode.OK, "application/json", "{}")]
    [InlineData(HttpStatusCode.NotFound, "application/problem+json", "{\"title\":\"somebody else's\"}")]
    public async Task An_answer_of_another_server_is_told_from_ours(HttpStatusCode status, string mediaType, string body)
    {
        using ExpoClusterClient client = Client(new Transcript(Transcript.Answer(status, mediaType, body)));

        ExpoClusterException failure = await Assert.ThrowsAsync<ExpoClusterException>(() => client.ShowAsync("abc"));

        Assert.Equal(ExpoClusterException.UnexpectedAnswer, failure.Code);
        Assert.Contains("http://server:8080/api/jobs/abc", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_named()
    {
        using ExpoClusterClient client = Client(new Transcript(Transcript.Broken));

        ExpoClusterException failure = await Assert.ThrowsAsync<ExpoClusterException>(() => client.ListAsync(new JobQuery()));

        Assert.Equal(ExpoClusterException.Unreachable, failure.Code);
        Assert.Contains("http://server:8080", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_query_says_states_limit_and_cursor()
    {
        var server = new Transcript(Transcript.Json("""{"jobs":[],"next":null}"""));
        using ExpoClusterClient client = Client(server);

        await client.ListAsync(new JobQuery { States = ["done", "failed"], Limit = 7, Cursor = "1.a b" });

        Assert.Equal("GET /api/jobs?state=done&state=failed&limit=7&cursor=1.a%20b", server.Requests[0].Line);
    }

    private static ExpoClusterClient Client(Transcript server) => new(new Uri("http://server:8080"), token: null, server);
}
