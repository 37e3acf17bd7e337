using System.Runtime.InteropServices;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Core.Tests;
using ExpoCluster.Server.Embedded;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Server.Tests.Embedded;

/// <summary>The whole engine in this process: coordinator, writers, worker, SQLite.</summary>
public sealed class EmbeddedMergeTests : IDisposable
{
    private readonly SmallPair pair = new();
    private readonly List<JobProgress> progress = [];

    public void Dispose() => pair.Dispose();

    [Fact]
    public async Task It_publishes_what_the_formula_gives()
    {
        MergeOutcome outcome = await RunAsync();

        Assert.Equal(("done", 4, 4, 0), (outcome.Status, outcome.Total, outcome.Computed, outcome.Reused));
        foreach (string file in new[] { "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors" })
        {
            string path = pair.Output.Published(file);
            byte[] data = File.ReadAllBytes(path)[(int)SafetensorsHeader.ReadFrom(path).DataStart..];
            Assert.True(MemoryMarshal.Cast<byte, float>(data).IndexOfAnyExcept(2.5f) < 0);
        }
    }

    [Fact]
    public async Task Nothing_of_the_work_is_left()
    {
        await RunAsync();

        Assert.False(Directory.Exists(pair.Output.Workspace));
    }

    [Fact]
    public async Task Progress_ends_with_done()
    {
        await RunAsync();

        Assert.Equal("done", progress[^1].State);
        Assert.Equal(4, progress[^1].Committed);
        Assert.Contains(progress, now => now.State == "running");
    }

    [Fact]
    public async Task Interrupted_at_once_it_can_be_resumed()
    {
        using var interrupt = new CancellationTokenSource();
        MergeOutcome interrupted = await RunAsync(
            new EmbeddedMergeOptions { Lanes = 1, Version = "test", MaxBytesPerSecond = 20_000_000, DrainPatience = TimeSpan.FromMilliseconds(100) },
            interrupt);
        Assert.Equal("interrupted", interrupted.Status);
        Assert.True(Directory.Exists(pair.Output.Workspace));

        MergeOutcome resumed = await RunAsync();

        Assert.Equal("done", resumed.Status);
        Assert.Equal(4, resumed.Reused + resumed.Computed);
    }

    [Fact]
    public async Task A_directory_that_another_process_works_in_is_refused()
    {
        using OutputClaim claim = OutputClaim.Acquire(pair.Output);
        claim.Write(new ClaimRecord("otherjob", "digest", "host", 1, []));

        JobException refusal = await Assert.ThrowsAsync<JobException>(() => RunAsync());

        Assert.Equal(JobException.Claimed, refusal.Code);
        Assert.Contains("otherjob", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_changed_input_is_told_from_a_changed_recipe()
    {
        using (var interrupt = new CancellationTokenSource())
        {
            await RunAsync(
                new EmbeddedMergeOptions { Lanes = 1, Version = "test", MaxBytesPerSecond = 20_000_000, DrainPatience = TimeSpan.FromMilliseconds(100) },
                interrupt);
        }

        await Assert.ThrowsAsync<UsageException>(() => RunAsync(recipe: pair.Recipe with { Alpha = 0.7 }));
        File.SetLastWriteTimeUtc(Path.Join(pair.Base, "model-00001-of-00002.safetensors"), DateTime.UtcNow.AddHours(1));
        TensorFileException changed = await Assert.ThrowsAsync<TensorFileException>(() => RunAsync());
        Assert.EndsWith("base/model-00001-of-00002.safetensors", changed.File, StringComparison.Ordinal);
    }

    private Task<MergeOutcome> RunAsync(
        EmbeddedMergeOptions? options = null, CancellationTokenSource? interrupt = null, Recipe? recipe = null)
    {
        recipe ??= pair.Recipe;
        var merge = new EmbeddedMerge(recipe, pair.Output, options ?? new EmbeddedMergeOptions { Lanes = 2, Version = "test" });
        return merge.RunAsync(
            Core.Planning.Planner.Plan(recipe),
            now =>
            {
                progress.Add(now);
                if (interrupt is not null && now.Lanes.Count > 0)
                {
                    interrupt.Cancel();
                }
            },
            interrupt?.Token ?? CancellationToken.None);
    }
}
