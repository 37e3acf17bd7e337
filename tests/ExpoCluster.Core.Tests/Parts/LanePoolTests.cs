using System.Collections.Concurrent;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Tests.Parts;

public sealed class LanePoolTests : IDisposable
{
    private readonly SmallPair pair = new();
    private readonly Plan plan;
    private readonly InputFiles inputs;
    private readonly BlockingCollection<FinishedPart> finished = [];

    public LanePoolTests()
    {
        plan = pair.Plan().Plan;
        inputs = new InputFiles(plan);
        foreach (PlannedFile file in plan.Files)
        {
            StagingFile.Create(StagingPath(file), file.Header, file.ByteLength);
        }
    }

    public void Dispose()
    {
        inputs.Dispose();
        finished.Dispose();
        pair.Dispose();
    }

    [Fact]
    public void Every_order_is_computed_flushed_and_reported_once()
    {
        using (LanePool lanes = Start(2))
        {
            for (int part = 0; part < 3; part++)
            {
                lanes.Run(Order(0, part), finished.Add);
            }

            lanes.Run(Order(1, 0), finished.Add);
        }

        Assert.Equal([(0, 0), (0, 1), (0, 2), (1, 0)], finished.Select(done => (done.Order.Part.File, done.Order.Part.Index)).Order());
        Assert.All(finished, done => Assert.IsType<PartOutcome.Computed>(done.Outcome));
    }

    [Fact]
    public void A_missing_staging_file_is_an_outcome_worth_another_try()
    {
        File.Delete(StagingPath(plan.Files[1]));
        using LanePool lanes = Start(1);

        lanes.Run(Order(1, 0), finished.Add);

        Assert.Equal(FailureKind.Transient, Assert.IsType<PartOutcome.Failed>(finished.Take().Outcome).Kind);
    }

    [Fact]
    public void A_staging_file_that_appears_a_little_later_is_waited_for()
    {
        string path = StagingPath(plan.Files[1]);
        File.Move(path, path + ".hidden");
        using LanePool lanes = Start(1, TimeSpan.FromSeconds(10));
        lanes.Run(Order(1, 0), finished.Add);

        Assert.False(finished.TryTake(out _, TimeSpan.FromMilliseconds(300)));
        File.Move(path + ".hidden", path);

        Assert.IsType<PartOutcome.Computed>(finished.Take().Outcome);
    }

    [Fact]
    public void A_changed_input_is_an_outcome_that_ends_the_job()
    {
        File.SetLastWriteTimeUtc(plan.Inputs[0].Path, DateTime.UtcNow.AddHours(1));
        using LanePool lanes = Start(1);

        lanes.Run(Order(0, 0), finished.Add);

        Assert.Equal((FailureKind.Input, "EXPO1207"), Assert.IsType<PartOutcome.Failed>(finished.Take().Outcome) is var failed ? (failed.Kind, failed.Code) : default);
    }

    [Fact]
    public void A_rate_limit_spreads_the_tiles_over_time()
    {
        long start = TimeProvider.System.GetTimestamp();
        using (var lanes = new LanePool(2, new RateLimit(36_000_000, TimeProvider.System), TimeSpan.Zero))
        {
            lanes.Run(Order(1, 0), finished.Add);
        }

        // 9 MB at 36 MB/s; the first tile goes at once.
        Assert.True(TimeProvider.System.GetElapsedTime(start) > TimeSpan.FromMilliseconds(180));
    }

    private static LanePool Start(int lanes, TimeSpan openPatience = default) =>
        new(lanes, rate: null, openPatience);

    private string StagingPath(PlannedFile file) => pair.Output.StagingFile("job1", 1, file.Name);

    private PartOrder Order(int file, int part) => new(
        "job1",
        new Attempt(1, (10 * file) + part),
        1,
        plan,
        PartGrid.Part(file, part, plan.Files[file].ByteLength),
        [new PartTarget(file, 1, StagingPath(plan.Files[file]))],
        inputs,
        ReadMode.Mapped,
        new WriteLease(TimeProvider.System, TimeSpan.FromMinutes(1)));
}

public sealed class WriteLeaseTests
{
    [Fact]
    public void It_is_valid_until_its_time_is_up_unless_extended_or_revoked()
    {
        var clock = new ManualClock();
        var lease = new WriteLease(clock, TimeSpan.FromSeconds(10));
        Assert.True(lease.IsValid);
        clock.Advance(TimeSpan.FromSeconds(9));
        lease.Extend(TimeSpan.FromSeconds(10));
        clock.Advance(TimeSpan.FromSeconds(9));
        Assert.True(lease.IsValid);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.False(lease.IsValid);

        lease.Extend(TimeSpan.FromSeconds(10));
        lease.Revoke();
        Assert.False(lease.IsValid);
    }
}
