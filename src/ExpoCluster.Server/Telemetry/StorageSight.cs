using System.Collections.Immutable;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Membership;
using ExpoCluster.Tensors;

namespace ExpoCluster.Server.Telemetry;

/// <summary>What this node sees of its storage roots. Storage that hangs holds up one thread for each root, and nobody who asks.</summary>
internal sealed class StorageSight
{
    private readonly ImmutableArray<Root> roots;

    /// <param name="roots">Their real paths. What they hold now is what they must go on holding.</param>
    public StorageSight(IEnumerable<string> roots) => this.roots = [.. roots.Select(path => new Root(path, StorageCheck.FindToken(path)))];

    /// <summary>Looks at all roots.</summary>
    /// <param name="patience">Who has not answered by then is said to be silent.</param>
    public async Task<ImmutableArray<RootSight>> LookAsync(TimeSpan patience) =>
        [.. await Task.WhenAll(roots.Select(root => root.LookAsync(patience))).ConfigureAwait(false)];

    private sealed class Root(string path, string? token)
    {
        private readonly Lock gate = new();
        private Task<RootSight>? look;

        public async Task<RootSight> LookAsync(TimeSpan patience)
        {
            try
            {
                return await Current().WaitAsync(patience).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                return Unseen($"{path} does not answer within {patience.TotalSeconds:0.#} s");
            }
        }

        // One look at a time, however many ask.
        private Task<RootSight> Current()
        {
            lock (gate)
            {
                return look = look is { IsCompleted: false } ? look : OwnThread.Run(Look);
            }
        }

        private RootSight Look()
        {
            try
            {
                if (!Directory.Exists(path))
                {
                    return Unseen($"{path} is no directory of this machine any more");
                }

                if (token is not null && StorageCheck.FindToken(path) != token)
                {
                    return Unseen($"{path} is not the storage any more that it was when this node started");
                }

                var drive = new DriveInfo(path);
                return new RootSight(path, drive.AvailableFreeSpace, drive.TotalSize, Problem: null);
            }
            catch (Exception exception) when (exception is ExpoException or IOException or UnauthorizedAccessException)
            {
                return Unseen($"{path} cannot be read ({exception.Message})");
            }
        }

        private RootSight Unseen(string problem) => new(path, 0, 0, problem);
    }
}
