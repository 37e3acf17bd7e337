using System.Runtime.InteropServices;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Core.Tests;
using ExpoCluster.Core.Verification;
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
    public async Task A_sweep_publishes_one_output_for_each_alpha_and_reads_the_inputs_once()
    {
        Recipe sweep = pair.Recipe with { Sweep = [0.5, -1, 0.25] };
        PlannedMerge merge = Planner.Plan(sweep);

        MergeOutcome outcome = await RunAsync(recipe: sweep);

        Assert.Equal(("done", 12, 12), (outcome.Status, outcome.Total, outcome.Computed));
        Assert.Equal((merge.Plan.InputByteCount, merge.Plan.OutputByteCount), (outcome.BytesRead, outcome.BytesWritten));
        Assert.False(Directory.Exists(pair.Output.Workspace));
        foreach ((string folder, float value) in new[] { ("alpha-0.5", 2.5f), ("alpha--1", 1f), ("alpha-0.25", 2.25f) })
        {
            OutputPaths variant = pair.Output.Variant(folder);
            string path = variant.Published("model-00001-of-00002.safetensors");
            byte[] data = File.ReadAllBytes(path)[(int)SafetensorsHeader.ReadFrom(path).DataStart..];
            Assert.True(MemoryMarshal.Cast<byte, float>(data).IndexOfAnyExcept(value) < 0);
            Assert.True(File.Exists(variant.Published("model.safetensors.index.json")));
            Assert.True(OutputVerifier.Verify(variant.Root, wholeFileSha256: false).IsSound);
            Provenance record = Provenance.ReadFrom(variant)!;
            Assert.Equal(value - 2, record.Statistics!.AskedAlpha);
            Assert.Equal(value - 2, record.Statistics.Total.EffectiveAlpha);
            Assert.Equal(["big", "small"], record.Statistics.Tensors.Select(tensor => tensor.Name));
        }

        MergeOutcome again = await RunAsync(recipe: sweep);
        Assert.Equal(("done", 0, 12), (again.Status, again.Computed, again.Reused));
    }

    [Fact]
    public async Task An_interrupted_sweep_is_resumed()
    {
        Recipe sweep = pair.Recipe with { Sweep = [0.5, 0.25] };
        using var interrupt = new CancellationTokenSource();
        var slow = new EmbeddedMergeOptions { Lanes = 1, Version = "test", MaxBytesPerSecond = 60_000_000, DrainPatience = TimeSpan.FromSeconds(2) };
        MergeOutcome interrupted = await RunAsync(slow, interrupt, sweep);
        Assert.Equal("interrupted", interrupted.Status);

        MergeOutcome resumed = await RunAsync(recipe: sweep);

        Assert.Equal("done", resumed.Status);
        Assert.Equal(8, resumed.Reused + resumed.Computed);
        Assert.True(OutputVerifier.Verify(pair.Output.Variant("alpha-0.25").Root, wholeFileSha256: false).IsSound);
        Assert.True(OutputVerifier.Verify(pair.Output.Variant("alpha-0.5").Root, wholeFileSha256: false).IsSound);
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
    public async Task What_was_begun_with_buffers_extrapolated_ends_so()
    {
        const string file = "model-00001-of-00001.safetensors";
        using var older = new SmallPair((file, "w", 20_000_000), (file, "attn.embed_positions", 64));
        Plan former = Planner.Plan(older.Recipe, options: new PlanOptions { IsOfFirstVersion = true }).Plan;
        PlannedMerge now = older.Plan();
        Assert.NotEqual(former.Digest, now.Plan.Digest);
        using (var interrupt = new CancellationTokenSource())
        {
            var slow = new EmbeddedMergeOptions { Lanes = 1, Version = "test", MaxBytesPerSecond = 20_000_000, DrainPatience = TimeSpan.FromMilliseconds(100) };
            MergeOutcome interrupted = await new EmbeddedMerge(older.Recipe, older.Output, slow).RunAsync(
                Planner.Plan(older.Recipe, options: new PlanOptions { IsOfFirstVersion = true }), _ => interrupt.Cancel(), interrupt.Token);
            Assert.Equal("interrupted", interrupted.Status);
        }

        var notices = new List<string>();
        MergeOutcome resumed = await new EmbeddedMerge(older.Recipe, older.Output, new EmbeddedMergeOptions { Lanes = 2, Version = "test", Notice = notices.Add })
            .RunAsync(now, _ => { }, CancellationToken.None);

        Assert.Equal("done", resumed.Status);
        Assert.Contains(notices, notice => notice.Contains("as version 0.1 began it", StringComparison.Ordinal));
        Assert.Contains(former.Digest, File.ReadAllText(Path.Join(older.Output.Root, "expocluster.json")), StringComparison.Ordinal);
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
            Planner.Plan(recipe),
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
