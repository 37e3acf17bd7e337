using System.Threading.Channels;
using Akka.Actor;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Server.Embedded;

/// <summary>A conversation with the coordinator of one job, from outside the actor system.</summary>
internal sealed class JobSession : IDisposable
{
    private static readonly TimeSpan RepeatInterval = TimeSpan.FromSeconds(3);

    private readonly Node node;
    private readonly Channel<object> answers = Channel.CreateUnbounded<object>(new UnboundedChannelOptions { SingleReader = true });
    private readonly IActorRef self;

    public JobSession(Node node)
    {
        this.node = node;
        self = node.System.ActorOf(Props.Create(() => new Listener(answers.Writer)));
    }

    /// <summary>Says it again until it is answered; every command to a coordinator may be repeated.</summary>
    /// <returns>False when it was so already.</returns>
    /// <exception cref="JobException">It was rejected.</exception>
    public async Task<bool> CommandAsync(ICoordinatorMessage command, CancellationToken cancellation)
    {
        while (true)
        {
            node.Coordinators.Tell(command, self);
            object? answer = await NextAsync(RepeatInterval, cancellation).ConfigureAwait(false);
            while (answer is not null)
            {
                switch (answer)
                {
                    case JobAccepted accepted:
                        return !accepted.WasSo;
                    case JobRejected rejected:
                        throw new JobException(rejected.Code, rejected.Message, rejected.Advice);
                    default:
                        answer = await NextAsync(RepeatInterval, cancellation).ConfigureAwait(false);
                        break;
                }
            }
        }
    }

    public void Dispose() => node.System.Stop(self);

    public void Say(ICoordinatorMessage message) => node.Coordinators.Tell(message, self);

    /// <summary>The next thing that the coordinator says; null when it is silent for so long.</summary>
    public async Task<object?> NextAsync(TimeSpan patience, CancellationToken cancellation)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timeout.CancelAfter(patience);
        try
        {
            return await answers.Reader.ReadAsync(timeout.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    private sealed class Listener : ReceiveActor
    {
        public Listener(ChannelWriter<object> answers) => ReceiveAny(message => answers.TryWrite(message));
    }
}
