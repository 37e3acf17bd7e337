using Akka.Actor;
using ExpoCluster.Cluster.Protocol;

namespace ExpoCluster.Server.Jobs;

/// <summary>Has a coordinator tell how its job gets on, and finds it again when it moved; stops when nobody looks any more.</summary>
internal sealed class Follower : ReceiveActor, IWithTimers
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly LiveJob job;
    private readonly IActorRef coordinators;
    private readonly Action forgotten;
    private int silentIntervals;

    public Follower(LiveJob job, IActorRef coordinators, Action forgotten)
    {
        this.job = job;
        this.coordinators = coordinators;
        this.forgotten = forgotten;
        Receive<JobProgress>(OnProgress);
        Receive<Tick>(_ => OnTick());
    }

    public ITimerScheduler Timers { get; set; } = null!;

    public static Props PropsFor(LiveJob job, IActorRef coordinators, Action forgotten) =>
        Props.Create(() => new Follower(job, coordinators, forgotten));

    protected override void PreStart()
    {
        Timers.StartPeriodicTimer(nameof(Tick), Tick.Instance, Interval);
        coordinators.Tell(new WatchJob { Job = job.Id });
    }

    private void OnProgress(JobProgress progress)
    {
        silentIntervals = 0;
        Address sender = Sender.Path.Address;
        Address node = sender.HasGlobalScope ? sender : Akka.Cluster.Cluster.Get(Context.System).SelfAddress;
        job.Hear(progress, node.ToString());
    }

    private void OnTick()
    {
        if (job.IsForgotten)
        {
            forgotten();
            Context.Stop(Self);
        }
        else if (++silentIntervals >= 3)
        {
            // A coordinator that was started elsewhere knows no watchers.
            silentIntervals = 0;
            coordinators.Tell(new WatchJob { Job = job.Id });
        }
    }

    private sealed class Tick
    {
        public static readonly Tick Instance = new();
    }
}
