using System.Collections.Immutable;
using Akka.Actor;
using Akka.Cluster;
using ExpoCluster.Cluster.Coordination;

namespace ExpoCluster.Cluster.Membership;

/// <summary>How a node becomes a member: nodes find each other in the database, and one of those that start together forms the cluster.</summary>
public sealed class Formation : IAsyncDisposable
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(500);

    // Akka asks every address of a list once in this time; a new list begins anew.
    private static readonly TimeSpan AskInterval = TimeSpan.FromSeconds(4);

    // An answer takes a moment; an address where nobody is gives none.
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan AnswerInterval = TimeSpan.FromMilliseconds(20);

    // Nodes that speak TLS where this one does not, or the other way, are given time to be restarted like this one.
    private static readonly TimeSpan OtherTransportPatience = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan SeenInterval = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan UnreachableInterval = TimeSpan.FromMilliseconds(500);

    // A longer time between two signs of life is a gap: the database was away, or this process slept.
    private static readonly TimeSpan LongestStep = TimeSpan.FromSeconds(5);

    private readonly ClusterDatabase database;
    private readonly Akka.Cluster.Cluster cluster;
    private readonly NodeRegistry registry;
    private readonly CancellationTokenSource stop = new();
    private readonly Action<string> say;
    private Task seeing = Task.CompletedTask;
    private bool hasAsked;

    private Formation(ClusterDatabase database, Akka.Cluster.Cluster cluster, Action<string> say)
    {
        this.database = database;
        this.cluster = cluster;
        this.say = say;
        registry = new NodeRegistry(database, cluster.SelfAddress.ToString(), say);
    }

    /// <summary>Returns when the node is a member; from then on it is seen in the database until it is disposed.</summary>
    /// <exception cref="ClusterException">The cluster does not take this node.</exception>
    public static async Task<Formation> JoinAsync(
        ClusterDatabase database, Akka.Cluster.Cluster cluster, Action<string> say, CancellationToken cancellation)
    {
        var formation = new Formation(database, cluster, say);
        try
        {
            await formation.JoinAsync(cancellation).ConfigureAwait(false);
            long id = await database.PatientlyAsync(formation.registry.BeSeenAsync, cancellation).ConfigureAwait(false);
            formation.seeing = formation.BeSeenAsync(id);
            return formation;
        }
        catch
        {
            await AwaitAnswerAsync(cluster, formation.hasAsked).ConfigureAwait(false);
            await formation.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Waits until the node is a member of whatever cluster it was told to join.</summary>
    /// <exception cref="ClusterException">The cluster does not take this node.</exception>
    public static async Task WaitUntilUpAsync(Akka.Cluster.Cluster cluster, CancellationToken cancellation)
    {
        Task up = WhenUp(cluster);
        try
        {
            if (await Task.WhenAny(up, cluster.System.WhenTerminated).WaitAsync(cancellation).ConfigureAwait(false) != up)
            {
                throw Refused();
            }
        }
        catch (OperationCanceledException)
        {
            await AwaitAnswerAsync(cluster, hasAsked: true).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Forgets this node in the database, so that nobody waits for it.</summary>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync().ConfigureAwait(false);
        await seeing.ConfigureAwait(false);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        try
        {
            await registry.ForgetAsync(patience.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (ClusterDatabase.IsPassing(exception) || exception is OperationCanceledException)
        {
            // The row grows stale by itself.
        }

        stop.Dispose();
    }

    // Whom a node has asked may let it in at this moment. A node that gives up must know of it, to be able to take leave.
    private static async Task AwaitAnswerAsync(Akka.Cluster.Cluster cluster, bool hasAsked)
    {
        long began = TimeProvider.System.GetTimestamp();
        while (hasAsked && !cluster.IsTerminated && cluster.SelfMember.Status == MemberStatus.Removed && TimeProvider.System.GetElapsedTime(began) < AnswerPatience)
        {
            await Task.Delay(AnswerInterval).ConfigureAwait(false);
        }
    }

    private async Task JoinAsync(CancellationToken cancellation)
    {
        Task up = WhenUp(cluster);
        Task terminated = cluster.System.WhenTerminated;
        ImmutableArray<string> asked = [];
        long firstAsked = 0;
        long lastAsked = 0;
        while (!up.IsCompleted)
        {
            if (terminated.IsCompleted)
            {
                throw Refused();
            }

            TimeSpan knocked = firstAsked == 0 ? TimeSpan.Zero : TimeProvider.System.GetElapsedTime(firstAsked);
            ImmutableArray<string>? others = await database.PatientlyAsync(
                token => registry.FormOrFindAsync(knocked, token), cancellation).ConfigureAwait(false);
            if (others is not { } addresses)
            {
                say("no cluster is alive: forming one.");
                hasAsked = true;
                cluster.Join(cluster.SelfAddress);
                await Task.WhenAny(up, terminated).WaitAsync(cancellation).ConfigureAwait(false);
                continue;
            }

            if (firstAsked == 0)
            {
                firstAsked = TimeProvider.System.GetTimestamp();
            }

            addresses = RefuseOtherTransport(addresses, knocked);
            bool isNews = addresses.Except(asked, StringComparer.Ordinal).Any();
            if (!addresses.IsEmpty && (isNews || TimeProvider.System.GetElapsedTime(lastAsked) >= AskInterval))
            {
                asked = addresses;
                hasAsked = true;
                lastAsked = TimeProvider.System.GetTimestamp();
                cluster.JoinSeedNodes(addresses.Select(Address.Parse));
            }

            await Task.WhenAny(up, terminated, Task.Delay(LookInterval, cancellation)).ConfigureAwait(false);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    // What Akka cannot speak to it would only complain about.
    private ImmutableArray<string> RefuseOtherTransport(ImmutableArray<string> addresses, TimeSpan knocked)
    {
        string prefix = cluster.SelfAddress.Protocol + "://";
        ImmutableArray<string> same = [.. addresses.Where(address => address.StartsWith(prefix, StringComparison.Ordinal))];
        return same.IsEmpty && knocked >= OtherTransportPatience
            ? throw new ClusterException(
                ClusterException.OtherTransport,
                $"the cluster's nodes, such as {addresses[0]}, do not speak {prefix} as this node does.",
                "stop them all, for they are of an earlier version without certificates, and start them with this one.")
            : same;
    }

    private async Task BeSeenAsync(long joined)
    {
        long steadySince = TimeProvider.System.GetTimestamp();
        long lastSeen = steadySince;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (await database.PatientlyAsync(IsGivenUpAsync, stop.Token).ConfigureAwait(false))
                {
                    say("the others have given this node up, for it did not answer: this node leaves.");
                    cluster.Down(cluster.SelfAddress);
                    return;
                }

                long current = await database.PatientlyAsync(registry.BeSeenAsync, stop.Token).ConfigureAwait(false);
                if (current != joined)
                {
                    // While this side had no database another cluster was formed on it: there must be one only.
                    say("another cluster was formed while this node could not reach the database: this node leaves.");
                    cluster.Down(cluster.SelfAddress);
                    return;
                }

                steadySince = TimeProvider.System.GetElapsedTime(lastSeen) > LongestStep ? TimeProvider.System.GetTimestamp() : steadySince;
                lastSeen = TimeProvider.System.GetTimestamp();
                // Whoever is exiting has taken leave, and may be gone: Akka removes it when it does not answer any more.
                ImmutableArray<string> unreachable =
                    [.. cluster.State.Unreachable.Where(member => member.Status is not (MemberStatus.Down or MemberStatus.Exiting)).Select(member => member.Address.ToString())];
                if (!unreachable.IsEmpty)
                {
                    await GiveUpDeadAsync(unreachable, steadySince, lastSeen).ConfigureAwait(false);
                }

                await Task.Delay(unreachable.IsEmpty ? SeenInterval : UnreachableInterval, stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task GiveUpDeadAsync(ImmutableArray<string> unreachable, long steadySince, long lastSeen)
    {
        ImmutableArray<NodeRow> rows = await database.PatientlyAsync(registry.ReadAsync, stop.Token).ConfigureAwait(false);
        // What was waited for while the database was away tells only that nobody could be seen.
        TimeSpan hasDatabaseFor = TimeProvider.System.GetElapsedTime(lastSeen) > LongestStep ? TimeSpan.Zero : TimeProvider.System.GetElapsedTime(steadySince);
        foreach (string address in DeadMemberRules.Find(unreachable, rows, hasDatabaseFor))
        {
            say($"{address} has died: it neither answers nor is seen in the database.");
            cluster.Down(Address.Parse(address));
        }
    }

    private Task<bool> IsGivenUpAsync(CancellationToken cancellation) =>
        new RemovedMembers(database.Source).ContainsAsync(WorkerDirectory.OwnName(cluster.System), cancellation);

    private static Task WhenUp(Akka.Cluster.Cluster cluster)
    {
        var up = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cluster.RegisterOnMemberUp(up.SetResult);
        return up.Task;
    }

    private static ClusterException Refused() => new(
        ClusterException.Incompatible,
        "the cluster did not take this node: its other nodes ended while it joined, or they are of another version.",
        "start it again; if it stays so, look at the logs of the other nodes, and give all of them the same version of ExpoCluster.");
}
