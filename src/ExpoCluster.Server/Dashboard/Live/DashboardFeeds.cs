using System.Collections.Concurrent;
using System.Collections.Immutable;
using Akka.Actor;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Server.Jobs;

namespace ExpoCluster.Server.Dashboard.Live;

/// <summary>All that pages watch, each looked at once however many watch. A picture comes at most twice a second.</summary>
public sealed class DashboardFeeds : IDisposable
{
    /// <summary>The list shows so many jobs as they change; older ones are looked up.</summary>
    public const int ListedJobs = 60;

    private const int MaxIdleFeeds = 200;

    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan ListPace = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RegisterInterval = TimeSpan.FromSeconds(3);

    private readonly DashboardSources sources;
    private readonly TimeProvider clock;
    private readonly ConcurrentDictionary<string, Feed<JobPicture>> jobs = new(StringComparer.Ordinal);
    private readonly IActorRef watch;
    private volatile ClusterPicture cluster = ClusterPicture.Empty;

    public DashboardFeeds(DashboardSources sources, TimeProvider clock)
    {
        this.sources = sources;
        this.clock = clock;
        Cluster = new Feed<ClusterPicture>(_ => Task.FromResult(cluster), Pace);
        Jobs = new Feed<JobList>(ListAsync, ListPace);
        watch = sources.Node.System.ActorOf(ClusterWatch.PropsFor(clock, () => Cluster.IsWatched, picture => cluster = picture));
    }

    internal Feed<ClusterPicture> Cluster { get; }

    internal Feed<JobList> Jobs { get; }

    internal Feed<JobPicture> Job(string id)
    {
        if (jobs.Count > MaxIdleFeeds)
        {
            foreach ((string known, Feed<JobPicture> feed) in jobs)
            {
                if (!feed.IsWatched)
                {
                    jobs.TryRemove(KeyValuePair.Create(known, feed));
                }
            }
        }

        return jobs.GetOrAdd(id, _ => new Feed<JobPicture>(before => LookAsync(id, before), Pace));
    }

    public void Dispose() => sources.Node.System.Stop(watch);

    private async Task<JobList> ListAsync(JobList? before) =>
        new(await sources.Desk.ListAsync([], after: null, ListedJobs, CancellationToken.None).ConfigureAwait(false));

    private async Task<JobPicture> LookAsync(string id, JobPicture? before)
    {
        DateTimeOffset now = clock.GetUtcNow();
        if (before is { HasEnded: true })
        {
            await Task.Delay(Patience).ConfigureAwait(false);
        }

        LiveNews? news = before is null || before.HasEnded
            ? null
            : await sources.Live.Follow(id).AwaitAsync(before.News, Patience, CancellationToken.None).ConfigureAwait(false);
        bool isSettled = before is not null && news is not null && news.Progress.State == before.Entry.State && now - before.LookedAt < RegisterInterval;
        if (isSettled)
        {
            return JobPicture.Of(before!.Entry, before.Changes, news, before, now) with { LookedAt = before.LookedAt };
        }

        // Entry first: when it says that the job has ended, the change that says so is there as well.
        RegisterEntry entry = await sources.Desk.FindAsync(id, CancellationToken.None).ConfigureAwait(false);
        ImmutableArray<RegisterChange> changes = await sources.Register.ChangesAsync(id, after: 0, CancellationToken.None).ConfigureAwait(false);
        if (news is null && !JobStates.HasEnded(entry.State))
        {
            news = await sources.Live.Follow(id).AwaitAsync(seen: null, Patience, CancellationToken.None).ConfigureAwait(false);
        }

        return JobPicture.Of(entry, changes, news, before, now);
    }
}

/// <summary>The newest jobs.</summary>
public sealed record JobList(ImmutableArray<Job> Jobs);
