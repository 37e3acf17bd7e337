using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using ExpoCluster.Client;
using ExpoCluster.Client.Events;
using ExpoCluster.Client.Jobs;
using Xunit.Abstractions;

namespace ExpoCluster.EndToEnd;

/// <summary>A cluster with two web nodes on PostgreSQL, and more jobs than it can compute at once.</summary>
public sealed class ManyJobsTests : IDisposable
{
    private const int Connections = 10;
    private const int JobsOfEach = 5;

    private readonly ITestOutputHelper output;
    private readonly Workplace place = new("8MB");
    private readonly PostgresServer? database = PostgresServer.Missing is null ? new PostgresServer() : null;
    private readonly NodeProcesses nodes;
    private readonly Uri[] webs = [WebAddress(), WebAddress()];
    private readonly ConcurrentBag<TimeSpan> answers = [];

    public ManyJobsTests(ITestOutputHelper output)
    {
        this.output = output;
        nodes = new NodeProcesses(database!, place.Root);
    }

    public void Dispose()
    {
        nodes.Dispose();
        database?.Dispose();
        place.Dispose();
    }

    [LongFact(Needs.Postgres)]
    public async Task Fifty_jobs_from_ten_connections_complete_and_the_list_stays_responsive_and_the_same_on_every_node()
    {
        ExpoProcess[] all =
        [
            nodes.Start("coordinator"), nodes.Start("worker"), nodes.Start("worker"),
            .. webs.Select(web => nodes.Start("web", 0, "--http", web.ToString())),
        ];
        NodeProcesses.WaitForMembers(all);
        using var looking = new CancellationTokenSource();
        var clock = Stopwatch.StartNew();
        Task[] lookers = [.. webs.Select(web => LookAsync(web, looking.Token))];

        await Task.WhenAll(Enumerable.Range(0, Connections).Select(SubmitAllAsync));
        TimeSpan completed = clock.Elapsed;
        await looking.CancelAsync();
        await Task.WhenAll(lookers);

        TimeSpan[] sorted = [.. answers.Order()];
        TimeSpan p99 = sorted[(int)(sorted.Length * 0.99)];
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"50 jobs in {completed.TotalSeconds:0.0} s; {sorted.Length} answers to list, show and the first event of a stream: median {sorted[sorted.Length / 2].TotalMilliseconds:0} ms, p99 {p99.TotalMilliseconds:0} ms, worst {sorted[^1].TotalMilliseconds:0} ms"));
        Job[][] lists = await Task.WhenAll(webs.Select(ListAsync));
        Assert.Equal(50, lists[0].Length);
        Assert.All(lists[0], job => Assert.Equal("done", job.State));
        Assert.Equal(lists[0].Select(job => (job.Id, job.State, job.ChangedAt)), lists[1].Select(job => (job.Id, job.State, job.ChangedAt)));
    }

    private async Task SubmitAllAsync(int connection)
    {
        using var client = new ExpoClusterClient(webs[connection % webs.Length]);
        SubmittedJob[] jobs = await Task.WhenAll(Enumerable.Range(0, JobsOfEach).Select(number => client.SubmitAsync(new RecipeRequest
        {
            Base = "base", Aligned = "aligned", Alpha = JsonValue.Create(0.3), Output = $"out/{connection}-{number}",
        })));
        foreach (SubmittedJob submitted in jobs)
        {
            await foreach (JobNews news in client.WatchAsync(submitted.Job.Id))
            {
                Assert.NotNull(news);
            }
        }
    }

    private async Task LookAsync(Uri web, CancellationToken cancellation)
    {
        using var client = new ExpoClusterClient(web);
        while (!cancellation.IsCancellationRequested)
        {
            JobPage page = await TimedAsync(() => client.ListAsync(new JobQuery(), CancellationToken.None));
            foreach (Job job in page.Jobs.Take(3))
            {
                await TimedAsync(() => client.ShowAsync(job.Id, CancellationToken.None));
                await TimedAsync(() => FirstNewsAsync(client, job.Id));
            }

            await Task.Delay(20, CancellationToken.None);
        }
    }

    private static async Task<JobNews?> FirstNewsAsync(ExpoClusterClient client, string job)
    {
        await foreach (JobNews news in client.WatchAsync(job))
        {
            return news;
        }

        return null;
    }

    private async Task<T> TimedAsync<T>(Func<Task<T>> ask)
    {
        long start = TimeProvider.System.GetTimestamp();
        T answer = await ask();
        answers.Add(TimeProvider.System.GetElapsedTime(start));
        return answer;
    }

    private static async Task<Job[]> ListAsync(Uri web)
    {
        using var client = new ExpoClusterClient(web);
        return [.. (await client.ListAsync(new JobQuery { Limit = 100 })).Jobs];
    }

    private static Uri WebAddress() => new($"http://127.0.0.1:{PostgresServer.FreePort()}");
}
