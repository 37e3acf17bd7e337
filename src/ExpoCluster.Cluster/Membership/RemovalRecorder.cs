using Akka.Actor;
using Akka.Cluster;
using Akka.Event;
using ExpoCluster.Cluster.Coordination;
using Npgsql;

namespace ExpoCluster.Cluster.Membership;

/// <summary>Notes in the database which members this node's side has given up.</summary>
public sealed class RemovalRecorder : ReceiveActor, IDisposable
{
    public const string ActorName = "removals";

    private readonly Akka.Cluster.Cluster cluster = Akka.Cluster.Cluster.Get(Context.System);
    private readonly CancellationTokenSource stop = new();
    private readonly ILoggingAdapter log = Context.GetLogger();
    private readonly ClusterDatabase database;
    private readonly RemovedMembers removed;

    public RemovalRecorder(ClusterDatabase database)
    {
        this.database = database;
        removed = new RemovedMembers(database.Source);
        Receive<ClusterEvent.MemberRemoved>(OnMemberRemoved);
    }

    public static Props PropsFor(ClusterDatabase database) => Props.Create(() => new RemovalRecorder(database));

    public void Dispose() => stop.Dispose();

    protected override void PreStart() =>
        cluster.Subscribe(Self, ClusterEvent.SubscriptionInitialStateMode.InitialStateAsEvents, typeof(ClusterEvent.MemberRemoved));

    protected override void PostStop()
    {
        cluster.Unsubscribe(Self);
        stop.Cancel();
        Dispose();
    }

    // A node that steps down itself takes leave of everybody, and gives nobody up.
    private void OnMemberRemoved(ClusterEvent.MemberRemoved message)
    {
        if (message.PreviousStatus == MemberStatus.Down && cluster.SelfMember.Status == MemberStatus.Up)
        {
            _ = RecordAsync(WorkerDirectory.NameOf(message.Member), stop.Token);
        }
    }

    private async Task RecordAsync(string member, CancellationToken cancellation)
    {
        try
        {
            await database.PatientlyAsync(token => removed.AddAsync(member, token), cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // This node ends; the others note it as well.
        }
        catch (NpgsqlException exception)
        {
            log.Error("That {Member} was given up cannot be written: {Reason}", member, exception.GetBaseException().Message);
        }
    }
}
