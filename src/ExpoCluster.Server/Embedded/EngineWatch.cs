using Akka.Actor;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Tensors;

namespace ExpoCluster.Server.Embedded;

/// <summary>Watches over the engine of one embedded merge: says what is waited for when nothing moves, and ends a merge that cannot end by itself.</summary>
/// <remarks>
/// Slowness is never a reason to end anything: a rate limit, a Hub or a disk may be as slow as they like. What ends a merge is that the
/// engine has said so, that its actor system is gone, or that the place it works in is not at its path any more.
/// </remarks>
internal sealed class EngineWatch : IDisposable
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    private readonly Func<ExpoException?> findDisplacement;
    private readonly Action<string> notice;
    private readonly Stillness stillness;
    private readonly CancellationTokenSource ended;
    private readonly ITimer timer;
    private volatile ExpoException? death;
    private volatile bool isClosed;
    private int looking;

    /// <param name="findDisplacement">What has become of the place that the engine works in; null while it is there.</param>
    /// <param name="notice">Told what is waited for.</param>
    /// <param name="clock">Measures how long nothing moves.</param>
    /// <param name="interrupt">Stops the merge.</param>
    public EngineWatch(Func<ExpoException?> findDisplacement, Action<string> notice, TimeProvider clock, CancellationToken interrupt)
    {
        this.findDisplacement = findDisplacement;
        this.notice = notice;
        stillness = new Stillness(clock);
        ended = CancellationTokenSource.CreateLinkedTokenSource(interrupt);
        timer = clock.CreateTimer(_ => Look(), state: null, LookInterval, LookInterval);
    }

    /// <summary>Cancelled when the merge is interrupted, or the engine is dead.</summary>
    public CancellationToken Ended => ended.Token;

    /// <summary>Why the engine cannot go on; null while it lives.</summary>
    public ExpoException? Death => death;

    /// <summary>The engine cannot go on.</summary>
    public void Die(ExpoException why)
    {
        if (!isClosed && Interlocked.CompareExchange(ref death, why, null) is null)
        {
            // On a thread of its own: whoever finds out may be the very one that what follows waits for.
            _ = Task.Run(Cancel);
        }
    }

    /// <summary>An actor system that ends before it is told to has met something that nobody foresaw.</summary>
    public void Watch(ActorSystem system) => system.WhenTerminated.ContinueWith(
        _ => Die(new JobException(
            JobException.EngineDied,
            $"the engine of this merge ended by itself ({CoordinatedShutdown.Get(system).ShutdownReason?.GetType().Name ?? "for no known reason"}).",
            "run the same command again: it resumes; and please report this as a bug of ExpoCluster.")),
        TaskScheduler.Default);

    public void Await(string what) => stillness.Await(what);

    public void See(JobProgress now) => stillness.See(now);

    /// <summary>What happens from now on is as it should be.</summary>
    public void Close() => isClosed = true;

    public void Dispose()
    {
        isClosed = true;
        timer.Dispose();
        ended.Dispose();
    }

    private void Cancel()
    {
        try
        {
            ended.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The merge has ended by itself in this very moment.
        }
    }

    private void Look()
    {
        if (stillness.Look() is { } sentence)
        {
            notice(sentence);
        }

        // A file system that is away lets nobody return who asks: then the one who asked waits, and the others go on.
        if (!isClosed && Interlocked.Exchange(ref looking, 1) == 0)
        {
            ExpoException? displaced = findDisplacement();
            if (displaced is not null)
            {
                Die(displaced);
            }

            Volatile.Write(ref looking, 0);
        }
    }
}
