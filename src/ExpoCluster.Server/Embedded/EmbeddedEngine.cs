using Akka.Actor;
using ExpoCluster.Cluster.Coordination;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Work;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Server.Embedded;

/// <summary>The actor system of an embedded merge. It starts while the merge is planned, on another core, and touches nothing before it is taken.</summary>
public sealed class EmbeddedEngine : IDisposable
{
    private readonly Task<ActorSystem> beginning;

    private bool isTaken;

    private EmbeddedEngine(NodeSettings settings)
    {
        Settings = settings;
        beginning = Task.Run(() => Node.BeginAloneAsync(settings));
    }

    /// <summary>What it was begun with. Whoever takes it says what it runs.</summary>
    internal NodeSettings Settings { get; }

    /// <summary>Begins one, and returns at once.</summary>
    /// <param name="paths">Of the output; nothing there need exist.</param>
    public static EmbeddedEngine Begin(OutputPaths paths) => new(new NodeSettings
    {
        // A name only: nothing listens there.
        Hostname = "embedded",
        Port = Environment.ProcessId,
        Journal = JournalSettings.SqliteToCome(paths.Journal),
        Coordinators = new CoordinatorSettings { Version = "" },
        Worker = new WorkerSettings { Lanes = 1 },
        Shards = 1,
    });

    /// <summary>Waits until it is there. Whoever takes it ends it.</summary>
    internal Task<ActorSystem> TakeAsync()
    {
        isTaken = true;
        return beginning;
    }

    /// <summary>Ends an engine that nobody took; nobody has to wait for that.</summary>
    public void Dispose()
    {
        if (!isTaken)
        {
            isTaken = true;
            _ = beginning.ContinueWith(begun => begun.Result.Terminate(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
        }
    }
}
