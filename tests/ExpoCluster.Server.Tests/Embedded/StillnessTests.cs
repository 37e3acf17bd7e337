using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Tests;
using ExpoCluster.Server.Embedded;

namespace ExpoCluster.Server.Tests.Embedded;

public sealed class StillnessTests
{
    private readonly ManualClock clock = new();
    private readonly Stillness stillness;

    public StillnessTests() => stillness = new Stillness(clock);

    [Fact]
    public void After_half_a_minute_without_a_move_it_says_what_is_waited_for_and_again_after_the_next()
    {
        clock.Advance(TimeSpan.FromSeconds(29));
        Assert.Null(stillness.Look());

        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("nothing has moved for 30 s; waiting for the engine, which is starting", stillness.Look());
        Assert.Null(stillness.Look());

        clock.Advance(TimeSpan.FromSeconds(30));
        Assert.StartsWith("nothing has moved for 60 s", stillness.Look(), StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_of_a_part_that_is_being_computed_are_a_move_and_the_same_news_again_are_none()
    {
        for (int seconds = 0; seconds < 100; seconds += 10)
        {
            stillness.See(Running(bytesDone: seconds));
            clock.Advance(TimeSpan.FromSeconds(10));
            Assert.Null(stillness.Look());
        }

        stillness.See(Running(bytesDone: 90));
        clock.Advance(TimeSpan.FromSeconds(20));
        stillness.See(Running(bytesDone: 90));

        Assert.Contains("part 2 of weights", stillness.Look(), StringComparison.Ordinal);
    }

    [Fact]
    public void It_says_which_file_is_to_be_sealed_or_that_the_output_is_being_published()
    {
        JobProgress sealing = Running(bytesDone: 0);
        sealing.Lanes.Clear();
        sealing.Files[0].Committed = sealing.Files[0].Parts;
        stillness.See(sealing);
        clock.Advance(Stillness.Patience);
        Assert.Contains("weights to be checked and sealed", stillness.Look(), StringComparison.Ordinal);

        stillness.See(new JobProgress { State = "publishing" });
        clock.Advance(Stillness.Patience);
        Assert.Contains("final names", stillness.Look(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_displaced_workspace_ends_the_merge_and_slowness_does_not()
    {
        JobException? displaced = null;
        using var ended = new ManualResetEventSlim();
        using var watch = new EngineWatch(() => displaced, _ => { }, TimeProvider.System, CancellationToken.None);
        using CancellationTokenRegistration registration = watch.Ended.Register(ended.Set);
        Assert.Null(watch.Death);

        displaced = JobException.Unforeseen(new IOException("gone"));

        Assert.True(ended.Wait(TimeSpan.FromSeconds(30)));
        Assert.Same(displaced, watch.Death);
    }

    private static JobProgress Running(long bytesDone)
    {
        var progress = new JobProgress { State = "running" };
        progress.Files.Add(new FileProgress { Name = "weights", Parts = 3 });
        progress.Lanes.Add(new LaneProgress { Worker = "w", File = 0, Part = 1, BytesDone = bytesDone, ByteCount = 1000 });
        return progress;
    }
}
