using System.Collections.Immutable;
using System.Data.Common;
using Akka.Actor;
using Akka.Cluster.Sharding;
using Akka.Event;
using Akka.Persistence;
using ExpoCluster.Cluster.Coordination;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Cluster.Hosting;

/// <summary>Which jobs sharding wakes when a cluster starts: rows of its own in the journal. If they cannot be read it is silent, and no job goes on.</summary>
/// <remarks>The list of jobs says the same, so rows that cannot be read are thrown away, and each job that has not ended is woken by that list.</remarks>
internal static class RememberedJobs
{
    private const int MostJobs = 100_000;
    private const int MostLooks = 20;

    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static readonly string[] Unfinished =
        ["queued", "planning", "transferring", JobPhase.Running.Word(), JobPhase.Suspended.Word(), JobPhase.Publishing.Word()];

    /// <summary>Throws away what sharding could not read. To be called before it starts, by the only member.</summary>
    /// <returns>True when jobs are to be woken by <see cref="WakeAsync"/>.</returns>
    public static async Task<bool> MendAsync(ActorSystem system, JobRegister register)
    {
        // Before anything is read: it brings the serializers of what it has journalled.
        _ = ClusterSharding.Get(system);
        ILoggingAdapter log = Logging.GetLogger(system, typeof(RememberedJobs));
        foreach (string id in await IdsAsync(register).ConfigureAwait(false))
        {
            if (await FindDamageAsync(system, id).ConfigureAwait(false) is { } damage)
            {
                log.Warning(
                    "What sharding journalled as {Id} cannot be read ({Damage}): all of its rows are removed, and jobs are woken by the list of jobs.", id, damage.Message);
                await register.ForgetShardingAsync().ConfigureAwait(false);
                return true;
            }
        }

        return false;
    }

    /// <summary>Speaks to the coordinator of each job that has not ended, which starts it.</summary>
    public static async Task WakeAsync(JobRegister register, IActorRef coordinators)
    {
        foreach (RegisterEntry entry in await register.ListAsync(Unfinished, after: null, MostJobs).ConfigureAwait(false))
        {
            // It has no such file, and says so to nobody.
            coordinators.Tell(new DescribeFile { Job = entry.Job, File = int.MaxValue }, ActorRefs.NoSender);
        }
    }

    // Where no job is known nothing need be woken, and the tables may not be there yet. Elsewhere the journal, which starts as well, may hold the file.
    private static async Task<ImmutableArray<string>> IdsAsync(JobRegister register)
    {
        if ((await register.ListAsync([], after: null, limit: 1).ConfigureAwait(false)).IsEmpty)
        {
            return [];
        }

        for (int look = 1; ; look++)
        {
            try
            {
                return await register.ListShardingAsync().ConfigureAwait(false);
            }
            catch (DbException) when (look < MostLooks)
            {
                await Task.Delay(LookInterval).ConfigureAwait(false);
            }
            catch (DbException)
            {
                return [];
            }
        }
    }

    private static async Task<JobException?> FindDamageAsync(ActorSystem system, string id)
    {
        var ended = new TaskCompletionSource<Exception?>(TaskCreationOptions.RunContinuationsAsynchronously);
        IActorRef reader = system.ActorOf(Props.Create(() => new Reader(id, ended)));
        try
        {
            return await ended.Task.WaitAsync(Patience).ConfigureAwait(false) is { } cause ? JournalFailure.FindDamage(cause, id) : null;
        }
        catch (TimeoutException)
        {
            // A slow database is no damage.
            return null;
        }
        finally
        {
            system.Stop(reader);
        }
    }

    /// <summary>Reads what a persistent actor of this id would read, and writes nothing.</summary>
    private sealed class Reader : ReceivePersistentActor
    {
        private readonly TaskCompletionSource<Exception?> ended;

        public Reader(string id, TaskCompletionSource<Exception?> ended)
        {
            PersistenceId = id;
            this.ended = ended;
            Recover<RecoveryCompleted>(_ => ended.TrySetResult(null));
            RecoverAny(_ => { });
            CommandAny(_ => { });
        }

        public override string PersistenceId { get; }

        protected override void OnRecoveryFailure(Exception reason, object? message = null) => ended.TrySetResult(reason);
    }
}
