using System.Diagnostics;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Core.Storage;
using ExpoCluster.Core.Tests;
using ExpoCluster.Server.Embedded;

namespace ExpoCluster.Server.Tests.Embedded;

/// <summary>A merge that was interrupted with some of its four parts committed, kept so that each test finds it as it was.</summary>
public sealed class InterruptedWork : IAsyncLifetime
{
    /// <summary>Its engine starts within the time that all parts take, on a busy machine too.</summary>
    private static readonly EmbeddedMergeOptions Slow = new()
    {
        Lanes = 1, Version = "test", MaxBytesPerSecond = 8_000_000, DrainPatience = TimeSpan.FromSeconds(1),
    };

    public SmallPair Pair { get; } = new();

    /// <summary>Parts that are journalled.</summary>
    public int Committed { get; private set; }

    public string Job { get; private set; } = "";

    private string Kept => Path.Join(Pair.Root, "kept");

    public async Task InitializeAsync()
    {
        using var interrupt = new CancellationTokenSource();
        await new EmbeddedMerge(Pair.Recipe, Pair.Output, Slow).RunAsync(
            Pair.Plan(),
            now =>
            {
                if (now.Committed > 0)
                {
                    interrupt.Cancel();
                }
            },
            interrupt.Token);
        using (OutputClaim claim = OutputClaim.Acquire(Pair.Output))
        {
            Job = claim.Previous!.Job;
        }

        Committed = JournalFile.Replay(Pair.Output.Journal, Job).CommittedParts;
        Directory.Move(Pair.Output.Root, Kept);
    }

    public Task DisposeAsync()
    {
        Pair.Dispose();
        return Task.CompletedTask;
    }

    /// <summary>Lays the work out as it was.</summary>
    public void Restore()
    {
        if (Directory.Exists(Pair.Output.Root))
        {
            Directory.Delete(Pair.Output.Root, recursive: true);
        }

        using var copy = Process.Start("cp", ["-a", Kept, Pair.Output.Root]);
        copy.WaitForExit();
    }
}
