using System.Net;
using System.Net.ServerSentEvents;
using System.Text.Json;
using ExpoCluster.Client;
using ExpoCluster.Client.Events;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Client.Problems;
using ExpoCluster.Core.Tests;

namespace ExpoCluster.Server.Tests.Api;

/// <summary>A job of 79 MB at 40 MB a second: slow enough to be seen running.</summary>
public sealed class JobEventsTests : ApiScene
{
    public JobEventsTests()
    {
        Pair = new SmallPair();
        Rate = 40_000_000;
    }

    [Fact]
    public async Task A_stream_tells_every_change_of_state_and_how_the_job_gets_on()
    {
        await Client.SubmitAsync(Recipe(id: "slow"));

        List<JobNews> news = await WatchAsync("slow");

        JobStateChange[] changes = [.. news.OfType<JobNews.StateChanged>().Select(item => item.Change)];
        Assert.Equal(["running", "publishing", "done"], changes.Select(change => change.State));
        Assert.True(changes.Zip(changes.Skip(1), (one, next) => one.Sequence < next.Sequence).All(isAscending => isAscending));
        Job[] progress = [.. news.OfType<JobNews.Progressed>().Select(item => item.Job)];
        Assert.Contains(progress, job => job is { State: "running", Parts.Assigned: > 0, Rate: > 0, SecondsLeft: > 0, Coordinator: not null });
        Assert.Contains(progress, job => job.Lanes!.Any(lane => lane.BytesDone > 0));
    }

    [Fact]
    public async Task A_stream_goes_on_behind_the_last_event_that_was_seen()
    {
        await Client.SubmitAsync(Recipe(id: "slow"));
        List<JobNews> all = await WatchAsync("slow");
        JobStateChange first = all.OfType<JobNews.StateChanged>().First().Change;

        List<JobNews> rest = await WatchAsync("slow", after: first.Sequence);

        Assert.Equal(["publishing", "done"], rest.OfType<JobNews.StateChanged>().Select(item => item.Change.State));
    }

    [Fact]
    public async Task Behind_the_last_event_of_an_ended_job_there_is_nothing()
    {
        await Client.SubmitAsync(Recipe(id: "slow"));
        List<JobNews> all = await WatchAsync("slow");
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/jobs/slow/events");
        request.Headers.Add("Last-Event-ID", $"{all.OfType<JobNews.StateChanged>().Last().Change.Sequence}");

        Assert.Equal(HttpStatusCode.NoContent, (await Http.SendAsync(request)).StatusCode);
        Assert.Empty(await WatchAsync("slow", after: all.OfType<JobNews.StateChanged>().Last().Change.Sequence));
    }

    [Fact]
    public async Task Only_changes_of_state_have_ids_and_the_stream_says_what_it_is()
    {
        await Client.SubmitAsync(Recipe(id: "slow"));
        using HttpResponseMessage response = await Http.GetAsync("/api/jobs/slow/events", HttpCompletionOption.ResponseHeadersRead);
        await using Stream body = await response.Content.ReadAsStreamAsync();

        Assert.Equal(("text/event-stream", true), (response.Content.Headers.ContentType!.MediaType, response.Headers.CacheControl!.NoStore));
        await foreach (SseItem<string> item in SseParser.Create(body).EnumerateAsync())
        {
            Assert.Equal(item.EventType == "state", item.EventId is not null);
            Assert.Equal(JsonValueKind.Object, JsonDocument.Parse(item.Data).RootElement.ValueKind);
        }
    }

    [Fact]
    public async Task A_watcher_finds_a_node_that_was_started_again_and_loses_nothing()
    {
        await Client.SubmitAsync(Recipe(id: "slow"));
        Uri address = Node.Http!;
        using var watcher = new ExpoClusterClient(address);
        Task<List<string>> states = Task.Run(async () =>
        {
            List<string> seen = [];
            await foreach (JobNews news in watcher.WatchAsync("slow"))
            {
                if (news is JobNews.StateChanged change)
                {
                    seen.Add(change.Change.State);
                }
            }

            return seen;
        });
        await WatchAsync("slow", until: "running");
        await StopAsync();
        await StartAsync(at: address);

        Assert.Equal(["running", "publishing", "done"], await states.WaitAsync(Patience));
    }

    [Fact]
    public async Task A_running_job_is_cancelled_within_a_second_and_leaves_nothing()
    {
        await Client.SubmitAsync(Recipe(id: "slow"));
        await WatchAsync("slow", until: "running");

        long start = TimeProvider.System.GetTimestamp();
        Job cancelled = await Client.CancelAsync("slow");

        Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(1));
        Assert.Equal("cancelled", cancelled.State);
        await UntilAsync(() => !Directory.Exists(Pair.Output.Workspace) || !Directory.EnumerateDirectories(Pair.Output.Workspace).Any());
        Assert.Equal("cancelled", (await Client.CancelAsync("slow")).State);
        Assert.Equal("cancelled", (await WatchAsync("slow")).OfType<JobNews.StateChanged>().Last().Change.State);
        ExpoClusterException refusal = await Assert.ThrowsAsync<ExpoClusterException>(() => Client.ResumeAsync("slow"));
        Assert.Equal((409, "EXPO3008"), (refusal.Problem.Status, refusal.Code));
    }

    [Fact]
    public async Task A_second_job_into_the_same_directory_is_refused_with_the_name_of_the_first()
    {
        await Client.SubmitAsync(Recipe(id: "first"));

        ExpoClusterException refusal = await Assert.ThrowsAsync<ExpoClusterException>(() => Client.SubmitAsync(Recipe(id: "second", output: "./out/")));

        Assert.Equal((409, "EXPO3001"), (refusal.Problem.Status, refusal.Code));
        Assert.Contains("first", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_job_that_failed_goes_on_when_its_cause_is_removed()
    {
        // Whole seconds, for .NET cannot set a time to the nanosecond again.
        DateTime modified = DateTime.UnixEpoch.AddDays(20_000);
        string input = Path.Join(Pair.Base, "model-00001-of-00002.safetensors");
        File.SetLastWriteTimeUtc(input, modified);
        await Client.SubmitAsync(Recipe(id: "slow"));
        await WatchAsync("slow", until: "running");
        File.SetLastWriteTimeUtc(input, DateTime.UnixEpoch);
        List<JobNews> news = await WatchAsync("slow", until: "failed");
        JobReason reason = news.OfType<JobNews.StateChanged>().Last().Change.Reason!;
        Assert.Equal("EXPO1207", reason.Code);
        Assert.Equal(reason, (await Client.ShowAsync("slow")).Reason);

        File.SetLastWriteTimeUtc(input, modified);
        Job resumed = await Client.ResumeAsync("slow");

        Assert.Equal("running", resumed.State);
        long failed = news.OfType<JobNews.StateChanged>().Last().Change.Sequence;
        Assert.Equal(
            ["running", "publishing", "done"],
            (await WatchAsync("slow", after: failed)).OfType<JobNews.StateChanged>().Select(item => item.Change.State));
    }
}
