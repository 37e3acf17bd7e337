using System.Collections.Concurrent;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Tests.Parts;

public sealed class HeadStartTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly SmallPair pair = new();
    private readonly Plan plan;
    private readonly InputFiles inputs;
    private readonly BlockingCollection<FinishedPart> delivered = [];
    private readonly ConcurrentQueue<(int File, int Part)[]> underWay = new();

    public HeadStartTests()
    {
        plan = pair.Plan().Plan;
        inputs = new InputFiles(plan);
    }

    public void Dispose()
    {
        inputs.Dispose();
        delivered.Dispose();
        pair.Dispose();
    }

    [Fact]
    public void It_computes_all_parts_in_order_into_files_as_writers_make_them()
    {
        using (HeadStart start = Begin())
        {
            AwaitIdle();
        }

        foreach (PlannedFile file in plan.Files)
        {
            string path = PathOf(file);
            Assert.Equal(StagingCondition.Sound, StagingFile.Inspect(path, file.Header, file.ByteLength));
            Assert.Equal(ComputeAfresh(file), File.ReadAllBytes(path));
        }

        Assert.Equal((0, 0), underWay.First()[0]);
        Assert.Empty(underWay.Last());
        Assert.Equal(Parts, underWay.SelectMany(parts => parts).Distinct());
    }

    [Fact]
    public void A_part_that_is_ready_is_handed_over_under_the_name_of_the_attempt_that_asks()
    {
        using HeadStart start = Begin();
        AwaitIdle();
        PartOrder order = Order(1, 0);

        Assert.True(start.TryTake(order, delivered.Add));

        Assert.True(delivered.TryTake(out FinishedPart? part));
        Assert.Same(order, part.Order);
        PartResult result = Assert.Single(Assert.IsType<PartOutcome.Computed>(part.Outcome).Results);
        Assert.Equal(order.Targets[0], result.Target);
        Assert.Equal(order.Part.ByteCount, order.Lease.BytesDone);
        Assert.False(start.TryTake(order, delivered.Add));
    }

    [Fact]
    public void A_part_under_way_is_handed_over_when_it_is_ready()
    {
        // 16 MB/s: the first tiles are written, the part is not.
        using HeadStart start = Begin(rate: 16_000_000);

        PartOrder order = Order(0, 0);
        Assert.True(start.TryTake(order, delivered.Add));
        Assert.False(start.TryTake(Order(0, 0), delivered.Add));
        Assert.False(delivered.TryTake(out _));

        Assert.True(delivered.TryTake(out FinishedPart? part, Patience));
        Assert.Same(order, part.Order);
        Assert.IsType<PartOutcome.Computed>(part.Outcome);
    }

    [Fact]
    public void Whoever_asks_for_what_was_not_begun_has_caught_up_and_nothing_more_is_begun()
    {
        using HeadStart start = Begin(lanes: 1, rate: 16_000_000);

        Assert.False(start.TryTake(Order(1, 0), delivered.Add));
        start.Stop();

        AwaitIdle();
        Assert.Equal([(0, 0), (0, 1)], underWay.SelectMany(parts => parts).Distinct());
    }

    [Fact]
    public void A_part_of_another_staging_file_is_not_handed_over()
    {
        using HeadStart start = Begin();
        AwaitIdle();
        PartOrder order = Order(0, 0);

        Assert.False(start.TryTake(order with { Targets = [order.Targets[0] with { Generation = 2 }] }, delivered.Add));
    }

    [Fact]
    public void What_is_under_way_ends_when_it_is_stopped_and_whoever_waits_hears_of_it()
    {
        using HeadStart start = Begin(rate: 1_000_000);
        Assert.True(start.TryTake(Order(0, 0), delivered.Add));

        start.Stop();

        Assert.True(delivered.TryTake(out FinishedPart? part, Patience));
        Assert.IsType<PartOutcome.Abandoned>(part.Outcome);
    }

    [Fact]
    public void A_failure_is_told_to_whoever_asks_for_the_part()
    {
        File.SetLastWriteTimeUtc(plan.Inputs[0].Path, DateTime.UtcNow.AddHours(1));
        using HeadStart start = Begin(lanes: 1);
        AwaitIdle();

        Assert.True(start.TryTake(Order(0, 0), delivered.Add));

        Assert.Equal("EXPO1207", Assert.IsType<PartOutcome.Failed>(delivered.Take().Outcome).Code);
        Assert.DoesNotContain((1, 0), underWay.SelectMany(parts => parts));
    }

    [Fact]
    public void What_nobody_would_suspect_is_not_begun()
    {
        using HeadStart? start = HeadStart.TryBegin(
            plan, "job1", pair.Output, ReadMode.Automatic, () => new LanePool(1, rate: null, TimeSpan.Zero), _ => throw new IOException("full"));

        Assert.NotNull(start);
        Assert.False(start.TryTake(Order(0, 0), delivered.Add));
    }

    [Fact]
    public void The_lanes_are_adopted_once()
    {
        using HeadStart start = Begin();
        using LanePool? lanes = start.Adopt();

        Assert.NotNull(lanes);
        Assert.Null(start.Adopt());
    }

    [Fact]
    public void It_does_without_where_a_staging_file_cannot_be_made()
    {
        Directory.CreateDirectory(PathOf(plan.Files[0]));

        Assert.Null(HeadStart.TryBegin(plan, "job1", pair.Output, ReadMode.Automatic, () => new LanePool(1, rate: null, TimeSpan.Zero), _ => { }));
    }

    [Fact]
    public void Making_a_staging_file_again_writes_nothing()
    {
        PlannedFile file = plan.Files[0];
        string path = PathOf(file);
        StagingFile.Create(path, file.Header, file.ByteLength);
        using (StagingFile staging = StagingFile.Open(path))
        {
            staging.Write([1, 2, 3], file.Header.Length);
        }

        var written = new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        File.SetLastWriteTimeUtc(path, written);

        StagingFile.Create(path, file.Header, file.ByteLength);

        // Not even its header over itself: a page of it holds elements too.
        Assert.Equal(written, File.GetLastWriteTimeUtc(path));

        Assert.Equal([1, 2, 3], File.ReadAllBytes(path)[file.Header.Length..(file.Header.Length + 3)]);
    }

    private IEnumerable<(int File, int Part)> Parts =>
        plan.Files.SelectMany((file, index) => Enumerable.Range(0, file.PartCount).Select(part => (index, part)));

    private HeadStart Begin(int lanes = 2, long? rate = null)
    {
        RateLimit? limit = rate is { } bytes ? new RateLimit(bytes, TimeProvider.System) : null;
        HeadStart? start = HeadStart.TryBegin(
            plan,
            "job1",
            pair.Output,
            ReadMode.Automatic,
            () => new LanePool(lanes, limit, TimeSpan.Zero),
            parts => underWay.Enqueue([.. parts.Select(part => (part.File, part.Index))]));
        Assert.NotNull(start);
        return start;
    }

    private void AwaitIdle() => Assert.True(SpinWait.SpinUntil(() => underWay.LastOrDefault() is { Length: 0 }, Patience));

    private byte[] ComputeAfresh(PlannedFile file)
    {
        byte[] bytes = new byte[file.ByteLength];
        using var executor = new PartExecutor(rate: null);
        executor.Fill(Order(plan.Files.IndexOf(file), 0), 0, bytes);
        return bytes;
    }

    private string PathOf(PlannedFile file) => pair.Output.StagingFile("job1", StagingFile.FirstGeneration, file.Name);

    private PartOrder Order(int file, int part) => new(
        "job1",
        new Attempt(1, (10 * file) + part),
        StagingFile.FirstGeneration,
        plan,
        PartGrid.Part(file, part, plan.Files[file].ByteLength),
        [new PartTarget(file, StagingFile.FirstGeneration, PathOf(plan.Files[file]))],
        inputs,
        ReadMode.Mapped,
        new WriteLease(TimeProvider.System, TimeSpan.FromMinutes(1)));
}
