using System.Collections.Concurrent;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Tests.Parts;

public sealed class RateLimitTests
{
    private readonly SteppingClock clock = new();

    [Fact]
    public void The_first_bytes_go_at_once_and_the_next_ones_wait_for_their_turn()
    {
        var rate = new RateLimit(1_000_000, clock);
        var lease = new WriteLease(clock, TimeSpan.FromHours(1));
        long begin = clock.Now;

        rate.Wait(100_000, lease);
        Assert.InRange(clock.Now - begin, 0, Milliseconds(50));
        rate.Wait(100_000, lease);
        Assert.InRange(clock.Now - begin, Milliseconds(100), Milliseconds(150));
        rate.Wait(100_000, lease);
        Assert.InRange(clock.Now - begin, Milliseconds(200), Milliseconds(250));
    }

    [Fact]
    public void Time_that_was_not_used_is_not_saved_up()
    {
        var rate = new RateLimit(1_000_000, clock);
        var lease = new WriteLease(clock, TimeSpan.FromHours(1));
        clock.Now += Milliseconds(10_000);
        rate.Wait(100_000, lease);
        long begin = clock.Now;

        rate.Wait(100_000, lease);

        Assert.True(clock.Now - begin >= Milliseconds(80));
    }

    [Fact]
    public void Who_has_lost_the_lease_does_not_wait()
    {
        var rate = new RateLimit(1, clock);
        var lease = new WriteLease(clock, TimeSpan.FromHours(1));
        rate.Wait(1_000_000, lease);
        lease.Revoke();
        long begin = clock.Now;

        rate.Wait(1_000_000, lease);

        Assert.True(clock.Now - begin < Milliseconds(100));
    }

    private static long Milliseconds(int count) => count * TimeSpan.TicksPerMillisecond;

    /// <summary>Ten milliseconds pass between two looks.</summary>
    private sealed class SteppingClock : TimeProvider
    {
        public long Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now += Milliseconds(10);
    }
}

public sealed class PartOutcomeTests
{
    [Fact]
    public void Its_kind_says_whether_trying_again_can_help()
    {
        Assert.Equal((FailureKind.Transient, "EXPO4004"), Of(new StorageException("EXPO4004", "gone", "")));
        Assert.Equal((FailureKind.Storage, "EXPO4001"), Of(StorageException.NoSpace("/x", "write")));
        Assert.Equal((FailureKind.Input, "EXPO1207"), Of(new TensorFileException("EXPO1207", "/x", "changed", "")));
        Assert.Equal((FailureKind.Input, "EXPO1204"), Of(new PlanningException([new PlanProblem("EXPO1204", "n", "differs")])));
        Assert.Equal((FailureKind.Transient, "EXPO4002"), Of(new IOException("Stale file handle")));
        Assert.Equal((FailureKind.Fatal, "EXPO3006"), Of(new InvalidOperationException("bug")));
    }

    private static (FailureKind, string) Of(Exception exception)
    {
        var failed = PartOutcome.Failed.From(exception);
        return (failed.Kind, failed.Code);
    }
}

public sealed class LaneLifeTests : IDisposable
{
    private readonly SmallPair pair = new(("model.safetensors", "t", 3_000_000));
    private readonly Plan plan;
    private readonly InputFiles inputs;
    private readonly string staging;
    private readonly ConcurrentQueue<PartOutcome> outcomes = new();

    public LaneLifeTests()
    {
        plan = pair.Plan().Plan;
        inputs = new InputFiles(plan);
        staging = pair.Output.StagingFile("job1", 1, "model.safetensors");
        StagingFile.Create(staging, plan.Files[0].Header, plan.Files[0].ByteLength);
    }

    public void Dispose()
    {
        inputs.Dispose();
        pair.Dispose();
    }

    [Fact]
    public void The_file_is_closed_before_its_part_is_reported()
    {
        bool? open = null;
        using (var lanes = new LanePool(1, rate: null, TimeSpan.Zero))
        {
            lanes.Run(Order(), _ => open = IsOpen(staging));
        }

        Assert.False(open);
    }

    [Fact]
    public void What_was_taken_is_reported_before_disposing_ends()
    {
        using (var lanes = new LanePool(2, rate: null, TimeSpan.Zero))
        {
            Assert.Equal((2, 4), (lanes.Lanes, lanes.Capacity));
            for (int order = 0; order < lanes.Capacity; order++)
            {
                lanes.Run(Order(), Note);
            }
        }

        Assert.Equal(4, outcomes.Count);
        Assert.All(outcomes, outcome => Assert.IsType<PartOutcome.Computed>(outcome));
    }

    [Fact]
    public void Failures_do_not_end_a_lane()
    {
        using (var lanes = new LanePool(1, rate: null, TimeSpan.Zero))
        {
            lanes.Run(Order() with { Targets = [new PartTarget(0, 1, staging + ".gone")] }, Note);
            lanes.Run(Order(), Note);
        }

        Assert.Equal([typeof(PartOutcome.Failed), typeof(PartOutcome.Computed)], outcomes.Select(outcome => outcome.GetType()));
    }

    [Fact]
    public void An_order_whose_lease_was_revoked_is_abandoned_and_its_file_closed()
    {
        PartOrder order = Order();
        order.Lease.Revoke();
        using (var lanes = new LanePool(1, rate: null, TimeSpan.FromMinutes(1)))
        {
            lanes.Run(order, Note);
        }

        Assert.IsType<PartOutcome.Abandoned>(Assert.Single(outcomes));
        Assert.False(IsOpen(staging));
    }

    [Fact]
    public void Nobody_waits_for_a_missing_file_without_a_lease()
    {
        PartOrder order = Order() with { Targets = [new PartTarget(0, 1, staging + ".gone")] };
        order.Lease.Revoke();
        long start = TimeProvider.System.GetTimestamp();
        using (var lanes = new LanePool(1, rate: null, TimeSpan.FromMinutes(5)))
        {
            lanes.Run(order, Note);
        }

        Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromMinutes(1));
        Assert.IsType<PartOutcome.Failed>(Assert.Single(outcomes));
    }

    private void Note(FinishedPart part) => outcomes.Enqueue(part.Outcome);

    private static bool IsOpen(string path) => Directory.EnumerateFiles("/proc/self/fd").Any(descriptor =>
    {
        try
        {
            return new FileInfo(descriptor).LinkTarget == path;
        }
        catch (IOException)
        {
            return false;
        }
    });

    private PartOrder Order() => new(
        "job1", new Attempt(1, 1), 1, plan, PartGrid.Part(0, 0, plan.Files[0].ByteLength), [new PartTarget(0, 1, staging)], inputs, ReadMode.Mapped,
        new WriteLease(TimeProvider.System, TimeSpan.FromMinutes(1)));
}
