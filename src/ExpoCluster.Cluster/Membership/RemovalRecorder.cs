using Akka.Actor;
using Akka.Cluster;
using Akka.Event;
using ExpoCluster.Cluster.Coordination;
using Npgsql;

namespace ExpoCluster.Cluster.Membership;

/// <summary>Notes in the database which members this node's side has given up, each until it is written.</summary>
internal sealed class RemovalRecorder : ReceiveActor, IWithTimers
{
    public const string ActorName = "removals";

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly Akka.Cluster.Cluster cluster = Akka.Cluster.Cluster.Get(Context.System);
    private readonly NpgsqlDataSource source;
    private readonly RemovedMembers removed;
    private readonly ILoggingAdapter log = Context.GetLogger();

    public RemovalRecorder(string connectionString)
    {
        source = NpgsqlDataSource.Create(connectionString);
        removed = new RemovedMembers(source);
        Receive<ClusterEvent.MemberRemoved>(OnMemberRemoved);
        Receive<Note>(message => Record(message.Member));
        Receive<Noted>(_ => { });
        Receive<NotNoted>(OnNotNoted);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    public static Props PropsFor(string connectionString) => Props.Create(() => new RemovalRecorder(connectionString));

    protected override void PreStart() =>
        cluster.Subscribe(Self, ClusterEvent.SubscriptionInitialStateMode.InitialStateAsEvents, typeof(ClusterEvent.MemberRemoved));

    protected override void PostStop()
    {
        cluster.Unsubscribe(Self);
        source.Dispose();
    }

    // A node that steps down itself takes leave of everybody, and gives nobody up.
    private void OnMemberRemoved(ClusterEvent.MemberRemoved message)
    {
        if (message.PreviousStatus == MemberStatus.Down && cluster.SelfMember.Status == MemberStatus.Up)
        {
            Record(WorkerDirectory.NameOf(message.Member.UniqueAddress));
        }
    }

    private void Record(string member) => removed.AddAsync(member).PipeTo(
        Self, success: () => Noted.Instance, failure: cause => new NotNoted(member, cause));

    private void OnNotNoted(NotNoted message)
    {
        log.Warning("That {0} was given up cannot be written, and will be tried again: {1}", message.Member, message.Cause.GetBaseException().Message);
        Timers.StartSingleTimer(message.Member, new Note(message.Member), Pause);
    }

    private sealed record Note(string Member);

    private sealed record NotNoted(string Member, Exception Cause);

    private sealed class Noted
    {
        public static readonly Noted Instance = new();
    }
}
