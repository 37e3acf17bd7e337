using System.Net;
using ExpoCluster.Client.Events;
using ExpoCluster.Client.Problems;

namespace ExpoCluster.Client.Tests.Events;

public sealed class JobStreamTests
{
    private static readonly Func<HttpResponseMessage> Done = Transcript.Events(State(9, "done"));

    [Fact]
    public async Task It_ends_with_the_job()
    {
        using ExpoClusterClient client = Client(new Transcript(Transcript.Events(
            "retry: 1000\n\n" + State(3, "running") + ": still here\n\n" + Progress("abc") + "event: of-a-later-version\ndata: {}\n\n" + State(9, "done"))));

        Assert.Equal(["running", "progress", "done"], await ReadAsync(client));
    }

    [Fact]
    public async Task A_broken_connection_is_made_again_behind_the_last_change()
    {
        var server = new Transcript(Transcript.Events(State(3, "running") + Progress("abc")), Transcript.Broken, Done);
        using ExpoClusterClient client = Client(server);

        Assert.Equal(["running", "progress", "done"], await ReadAsync(client));
        Assert.Equal([null, "3", "3"], server.Requests.Select(request => request.LastEventId));
    }

    [Fact]
    public async Task What_was_seen_before_is_not_told_again()
    {
        using ExpoClusterClient client = Client(new Transcript(
            Transcript.Events(State(3, "running")), Transcript.Events(State(3, "running") + State(9, "done"))));

        Assert.Equal(["running", "done"], await ReadAsync(client));
    }

    [Fact]
    public async Task A_server_that_has_nothing_more_to_tell_ends_it()
    {
        using ExpoClusterClient client = Client(new Transcript(() => new HttpResponseMessage(HttpStatusCode.NoContent)));

        Assert.Empty(await ReadAsync(client));
    }

    [Fact]
    public async Task A_node_that_is_leaving_is_asked_again()
    {
        using ExpoClusterClient client = Client(new Transcript(
            Transcript.Answer(HttpStatusCode.ServiceUnavailable, "text/html", "<h1>gone</h1>"), Done));

        Assert.Equal(["done"], await ReadAsync(client));
    }

    [Fact]
    public async Task A_refusal_is_final()
    {
        using ExpoClusterClient client = Client(new Transcript(Transcript.Answer(
            HttpStatusCode.NotFound, "application/problem+json", """{"status":404,"detail":"there is no job 'abc'","code":"EXPO3011"}""")));

        ExpoClusterException refusal = await Assert.ThrowsAsync<ExpoClusterException>(() => ReadAsync(client));

        Assert.Equal("EXPO3011", refusal.Code);
    }

    [Fact]
    public async Task A_server_that_does_not_come_back_is_given_up()
    {
        using var client = new ExpoClusterClient(
            new Uri("http://server:8080"), token: null, new Transcript(Transcript.Broken, Transcript.Broken, Transcript.Broken))
        {
            ReconnectPatience = TimeSpan.FromMilliseconds(100),
        };

        ExpoClusterException failure = await Assert.ThrowsAsync<ExpoClusterException>(() => ReadAsync(client));

        Assert.Equal(ExpoClusterException.Unreachable, failure.Code);
    }

    [Fact]
    public async Task A_connection_that_fell_silent_is_made_again()
    {
        using var silence = new SilentStream();
        var silent = new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(silence) };
        using var client = new ExpoClusterClient(new Uri("http://server:8080"), token: null, new Transcript(() => silent, Done))
        {
            SilencePatience = TimeSpan.FromMilliseconds(100),
        };

        Assert.Equal(["done"], await ReadAsync(client));
    }

    private static ExpoClusterClient Client(Transcript server) => new(new Uri("http://server:8080"), token: null, server);

    private static string State(int sequence, string state) =>
        $"id: {sequence}\nevent: state\ndata: {{\"sequence\":{sequence},\"state\":\"{state}\",\"at\":\"2026-01-02T03:04:05Z\"}}\n\n";

    private static string Progress(string id) =>
        $"event: progress\ndata: {{\"id\":\"{id}\",\"state\":\"running\"}}\n\n";

    private static async Task<List<string>> ReadAsync(ExpoClusterClient client)
    {
        List<string> told = [];
        await foreach (JobNews news in client.WatchAsync("abc"))
        {
            told.Add(news is JobNews.StateChanged change ? change.Change.State : "progress");
        }

        return told;
    }

    /// <summary>A connection whose other end is lost: reading neither ends nor gives anything.</summary>
    private sealed class SilentStream : MemoryStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return 0;
        }
    }
}
