using System.Collections.Immutable;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Server.Embedded;

namespace ExpoCluster.Server.Jobs;

/// <summary>Where jobs are asked for by their ids. It wakes no coordinator whose job the register does not know, or knows to be over.</summary>
public sealed class JobDesk(Node node, JobRegister register, LiveJobs live, PublishedStatistics statistics)
{
    private const int MendLooks = 10;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan FirstNewsPatience = TimeSpan.FromMilliseconds(1500);
    private static readonly TimeSpan MendPatience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ListPatience = TimeSpan.FromMilliseconds(60);

    /// <summary>Who sits at it.</summary>
    public string NodeName => node.Name;

    /// <exception cref="JobException">There is no such job.</exception>
    public async Task<RegisterEntry> FindAsync(string id, CancellationToken cancellation) =>
        await register.FindAsync(id, cancellation).ConfigureAwait(false) ?? throw JobException.Unknown(id);

    /// <exception cref="JobException">There is no such job.</exception>
    public async Task<Job> ShowAsync(string id, CancellationToken cancellation)
    {
        RegisterEntry entry = await FindAsync(id, cancellation).ConfigureAwait(false);
        return await DescribeAsync(entry, cancellation).ConfigureAwait(false);
    }

    /// <summary>The job as the register has it, and while it lives as its coordinator says.</summary>
    public async Task<Job> DescribeAsync(RegisterEntry entry, CancellationToken cancellation)
    {
        if (JobStates.HasEnded(entry.State))
        {
            Job ended = JobDescription.Of(entry, news: null, withFiles: true);
            return entry is { State: JobStates.Done, Damage: null } ? ended with { Statistics = await statistics.OfAsync(entry).ConfigureAwait(false) } : ended;
        }

        LiveJob job = live.Follow(entry.Job);
        LiveNews? news = await job.AwaitAsync(seen: null, FirstNewsPatience, cancellation).ConfigureAwait(false);
        if (news is not null && JobDescription.IsOlder(news, entry))
        {
            news = await job.AwaitAsync(seen: news, FirstNewsPatience, cancellation).ConfigureAwait(false);
        }

        return JobDescription.Of(entry, news, withFiles: true);
    }

    /// <summary>A page of the list. Jobs that were not looked at lately may still lack the figures of the moment.</summary>
    public async Task<ImmutableArray<Job>> ListAsync(
        IReadOnlyCollection<string> states, RegisterPosition? after, int limit, CancellationToken cancellation)
    {
        ImmutableArray<RegisterEntry> entries = await register.ListAsync(states, after, limit, cancellation).ConfigureAwait(false);
        IEnumerable<Task<Job>> jobs = entries.Select(async entry =>
        {
            LiveNews? news = JobStates.HasEnded(entry.State)
                ? null
                : await live.Follow(entry.Job).AwaitAsync(seen: null, ListPatience, cancellation).ConfigureAwait(false);
            return JobDescription.Of(entry, news, withFiles: false);
        });
        return [.. await Task.WhenAll(jobs).ConfigureAwait(false)];
    }

    /// <exception cref="JobException">There is no such job, or it cannot be cancelled any more.</exception>
    public async Task<Job> CancelAsync(string id, CancellationToken cancellation)
    {
        RegisterEntry entry = await FindAsync(id, cancellation).ConfigureAwait(false);
        switch (entry.State)
        {
            case JobStates.Cancelled:
                break;
            case var _ when entry.Damage is not null:
                await CancelDamagedAsync(id, cancellation).ConfigureAwait(false);
                break;
            case JobStates.Done:
                throw JobException.NotPossible(id, entry.State, "it cannot be cancelled");
            default:
                await CommandAsync(new CancelJob { Job = id }, cancellation).ConfigureAwait(false);
                break;
        }

        return await ShowAsync(id, cancellation).ConfigureAwait(false);
    }

    // Its coordinator knows better than the row, and writes what it knows. Where nothing is journalled either, the row is all there is.
    private async Task CancelDamagedAsync(string id, CancellationToken cancellation)
    {
        JobException? refusal = null;
        try
        {
            await CommandAsync(new CancelJob { Job = id }, cancellation).ConfigureAwait(false);
        }
        catch (JobException exception) when (exception.Code == JobException.WrongPhase)
        {
            refusal = exception;
        }

        if (!await IsMendedAsync(id, cancellation).ConfigureAwait(false))
        {
            await register.OverrideAsync(id, JobStates.Cancelled, TimeProvider.System.GetUtcNow(), cancellation).ConfigureAwait(false);
        }
        else if (refusal is not null)
        {
            throw refusal;
        }
    }

    private async Task<bool> IsMendedAsync(string id, CancellationToken cancellation)
    {
        for (int look = 0; look < MendLooks; look++)
        {
            if ((await FindAsync(id, cancellation).ConfigureAwait(false)).Damage is null)
            {
                return true;
            }

            await Task.Delay(MendPatience / MendLooks, cancellation).ConfigureAwait(false);
        }

        return false;
    }

    /// <summary>Has a failed job give up what it could go on with.</summary>
    /// <exception cref="JobException">It cannot be cancelled, or nobody answers.</exception>
    public Task CancelForGoodAsync(string id, CancellationToken cancellation) => CommandAsync(new CancelJob { Job = id }, cancellation);

    /// <exception cref="JobException">There is no such job, or it has ended for good.</exception>
    public async Task<Job> ResumeAsync(string id, CancellationToken cancellation)
    {
        RegisterEntry entry = await FindAsync(id, cancellation).ConfigureAwait(false);
        if (entry.State is JobStates.Done or JobStates.Cancelled)
        {
            throw JobException.NotPossible(id, entry.State, "it cannot go on");
        }

        await CommandAsync(new ResumeJob { Job = id, PlanDigest = entry.Facts.PlanDigest ?? "" }, cancellation).ConfigureAwait(false);
        return await ShowAsync(id, cancellation).ConfigureAwait(false);
    }

    /// <summary>Says it to the job's coordinator until that answers.</summary>
    /// <returns>False when it was so already.</returns>
    /// <exception cref="JobException">It was rejected, or nobody answered in time.</exception>
    public async Task<bool> CommandAsync(ICoordinatorMessage command, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(Patience);
        using var session = new JobSession(node);
        try
        {
            return await session.CommandAsync(command, patience.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw JobException.Unanswered(command.Job, Patience);
        }
    }
}
