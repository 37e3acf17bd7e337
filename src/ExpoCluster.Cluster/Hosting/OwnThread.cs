namespace ExpoCluster.Cluster.Hosting;

/// <summary>Runs disk work away from Akka's dispatchers and the thread pool, where it would delay the cluster's heartbeats.</summary>
public static class OwnThread
{
    public static Task<T> Run<T>(Func<T> work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
