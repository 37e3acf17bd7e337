using Akka.Actor;
using Akka.Event;
using ExpoCluster.Cluster.Coordination;
using ExpoCluster.Cluster.Hosting;

namespace ExpoCluster.Cluster.Register;

/// <summary>Writes one job's entries into the register, in order and until it succeeds; says what was to be said behind them.</summary>
internal sealed class Registrar : ReceiveActor, IWithTimers
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly JobRegister register;
    private readonly ILoggingAdapter log = Context.GetLogger();
    private readonly Queue<object> queue = new();
    private bool isWriting;

    // Of this coordinator: before it nobody compared the list with the journal.
    private bool hasMended;

    public Registrar(JobRegister register)
    {
        this.register = register;
        Receive<RegisterEntry>(Enqueue);
        Receive<Saying>(Enqueue);
        Receive<Written>(_ =>
        {
            queue.Dequeue();
            isWriting = false;
            Proceed();
        });
        Receive<Status.Failure>(OnFailure);
        Receive<Again>(_ =>
        {
            isWriting = false;
            Proceed();
        });
    }

    public ITimerScheduler Timers { get; set; } = null!;

    public static Props PropsFor(JobRegister register) => Props.Create(() => new Registrar(register));

    private void Enqueue(object message)
    {
        queue.Enqueue(message);
        Proceed();
    }

    private void Proceed()
    {
        while (!isWriting && queue.TryPeek(out object? next))
        {
            switch (next)
            {
                case Saying saying:
                    saying.To.Tell(saying.Message, Context.Parent);
                    queue.Dequeue();
                    break;
                case RegisterEntry entry:
                    isWriting = true;
                    OwnThread.Run<object>(() =>
                    {
                        (hasMended ? register.WriteAsync(entry) : register.MendAsync(entry)).GetAwaiter().GetResult();
                        hasMended = true;
                        return Written.Instance;
                    }).PipeTo(Self);
                    break;
            }
        }
    }

    private void OnFailure(Status.Failure failure)
    {
        JobMetrics.DatabaseFailures.Add(JobMetrics.RegisterWrite);
        log.Warning("The list of jobs cannot be written, and will be tried again: {Reason}", failure.Cause.GetBaseException().Message);
        Timers.StartSingleTimer(nameof(Again), Again.Instance, Pause);
    }

    /// <summary>A message that is to be sent when everything before it is in the register.</summary>
    public sealed record Saying(IActorRef To, object Message);

    private sealed class Written
    {
        public static readonly Written Instance = new();
    }

    private sealed class Again
    {
        public static readonly Again Instance = new();
    }
}
