using System.Data.Common;
using System.Globalization;
using ExpoCluster.Client.Jobs;

namespace ExpoCluster.Server.Jobs;

/// <summary>Forgets jobs that ended long ago, once a day, on one node of the cluster.</summary>
/// <param name="pruning">How.</param>
/// <param name="keep">For how long jobs are kept.</param>
/// <param name="isOnDuty">Whether this node is the one; another may be at any time, and then does it once more, which does no harm.</param>
/// <param name="say">Told how many.</param>
/// <param name="clock">For the days.</param>
internal sealed class JobRetention(JobPruning pruning, TimeSpan keep, Func<bool> isOnDuty, Action<string> say, TimeProvider clock) : IAsyncDisposable
{
    public static readonly TimeSpan Interval = TimeSpan.FromDays(1);

    private static readonly TimeSpan LookInterval = TimeSpan.FromMinutes(5);

    private readonly CancellationTokenSource end = new();
    private Task run = Task.CompletedTask;
    private DateTimeOffset? lastTime;

    public void Start() => run = Task.Run(RunAsync);

    public async ValueTask DisposeAsync()
    {
        await end.CancelAsync().ConfigureAwait(false);
        await run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        end.Dispose();
    }

    /// <summary>Does what is due.</summary>
    internal async Task LookAsync(CancellationToken cancellation)
    {
        DateTimeOffset now = clock.GetUtcNow();
        if (!isOnDuty() || (lastTime is { } last && now - last < Interval))
        {
            return;
        }

        int count = 0;
        PrunedJobs pruned;
        do
        {
            pruned = await pruning.RunAsync(JobStates.Ended, keep, dryRun: false, cancellation).ConfigureAwait(false);
            count += pruned.Jobs.Count;
        }
        while (pruned.More && pruned.Jobs.Count > 0);
        lastTime = now;
        if (count > 0)
        {
            say(string.Create(CultureInfo.InvariantCulture, $"jobs that ended more than {keep.TotalDays:0.##} days ago were forgotten: {count}."));
        }
    }

    private async Task RunAsync()
    {
        while (true)
        {
            try
            {
                await LookAsync(end.Token).ConfigureAwait(false);
            }
            catch (DbException exception)
            {
                say($"old jobs could not be forgotten, and will be tried again ({exception.GetBaseException().Message}).");
            }

            await Task.Delay(LookInterval, clock, end.Token).ConfigureAwait(false);
        }
    }
}
