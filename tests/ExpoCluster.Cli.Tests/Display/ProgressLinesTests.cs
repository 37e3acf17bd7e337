using ExpoCluster.Cli.Display;
using ExpoCluster.Cluster.Protocol;

namespace ExpoCluster.Cli.Tests.Display;

public sealed class ProgressLinesTests
{
    private readonly StringWriter output = new();
    private readonly ManualClock clock = new();

    [Fact]
    public void A_line_has_state_share_bytes_rate_and_time_left()
    {
        using var lines = new ProgressLines(output, clock);
        lines.Show(Progress(committed: 0));
        clock.Advance(TimeSpan.FromSeconds(3));

        lines.Show(Progress(committed: 300_000_000));

        Assert.Equal("running 30%  300 MB of 1.00 GB, 100 MB/s, 7 s left", output.ToString().Split(Environment.NewLine)[1]);
    }

    [Fact]
    public void Lines_come_now_and_then_but_a_new_state_at_once()
    {
        using var lines = new ProgressLines(output, clock);
        lines.Show(Progress(committed: 0));
        clock.Advance(TimeSpan.FromMilliseconds(500));
        lines.Show(Progress(committed: 10));
        lines.Show(Progress(committed: 1_000_000_000, state: "publishing"));

        Assert.Equal(["running", "publishing"], output.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[0]));
    }

    [Fact]
    public void Behind_the_last_part_it_says_how_many_files_are_published()
    {
        using var lines = new ProgressLines(output, clock);
        JobProgress preparing = Progress(committed: 1_000_000_000);
        preparing.Publishing = 9003;
        JobProgress publishing = Progress(committed: 1_000_000_000, state: "publishing");
        publishing.Publishing = 9003;

        lines.Show(preparing);
        lines.Show(publishing);

        Assert.Equal(
            ["preparing to publish 9003 files", "publishing 9003 files"],
            output.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void The_work_under_way_counts()
    {
        var meter = new PaceMeter(clock);
        JobProgress progress = Progress(committed: 100);
        progress.Lanes.Add(new LaneProgress { BytesDone = 50, ByteCount = 1000 });

        Assert.Equal(150, meter.Measure(progress).Done);
    }

    [Fact]
    public void While_files_are_fetched_the_line_is_about_them_and_its_pace_is_theirs_alone()
    {
        using var lines = new ProgressLines(output, clock);
        lines.Show(Transferring(1_000_000_000));
        clock.Advance(TimeSpan.FromSeconds(2));
        lines.Show(Transferring(2_000_000_000));
        clock.Advance(TimeSpan.FromSeconds(2));
        JobProgress running = Progress(committed: 100_000_000);
        running.Transfers.AddRange(Transferring(3_000_000_000).Transfers);
        lines.Show(running);

        Assert.Equal(
            ["transferring 50%  2.00 GB of 4.00 GB, 500 MB/s, 4 s left", "running 10%  100 MB of 1.00 GB, 0 B/s; 3.00 GB of 4.00 GB fetched"],
            output.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries)[1..]);
    }

    [Fact]
    public void What_was_computed_before_the_engine_had_started_took_the_time_since_the_beginning()
    {
        var meter = new PaceMeter(clock, isBeginning: true);
        clock.Advance(TimeSpan.FromSeconds(2.5));
        meter.Measure(Progress(committed: 0));
        clock.Advance(TimeSpan.FromSeconds(0.5));

        // At 60 MB/s three seconds of work come at once, then goes on so.
        Assert.Equal(60_000_000, meter.Measure(Progress(committed: 180_000_000)).BytesPerSecond);
        for (int tenth = 1; tenth <= 130; tenth++)
        {
            clock.Advance(TimeSpan.FromSeconds(0.1));
            Assert.InRange(meter.Measure(Progress(committed: 180_000_000 + (tenth * 6_000_000L))).BytesPerSecond, 59_000_000, 61_000_000);
        }
    }

    [Fact]
    public void What_earlier_runs_did_is_no_pace()
    {
        var meter = new PaceMeter(clock, isBeginning: true);
        clock.Advance(TimeSpan.FromSeconds(1));
        JobProgress resumed = Progress(committed: 500_000_000);
        resumed.Reused = 15;

        Assert.Equal(0, meter.Measure(resumed).BytesPerSecond);
    }

    [Fact]
    public void Few_slow_parts_move_the_bar_and_their_commits_do_not_make_the_rate_jump()
    {
        var meter = new PaceMeter(clock);
        double last = 0;
        // One part of 32 MB every eight seconds, told of every half second.
        for (int half = 1; half < 160; half++)
        {
            clock.Advance(TimeSpan.FromSeconds(0.5));
            JobProgress progress = Progress(committed: half / 16 * 32_000_000L);
            progress.Lanes.Add(new LaneProgress { BytesDone = half % 16 * 2_000_000L, ByteCount = 32_000_000 });
            MergePace pace = meter.Measure(progress);

            Assert.True(pace.Share > last);
            last = pace.Share;
            if (half > 4)
            {
                Assert.Equal(4_000_000, pace.BytesPerSecond);
            }
        }
    }

    [Fact]
    public void A_stall_is_seen_and_a_burst_is_spread_over_ten_seconds()
    {
        var meter = new PaceMeter(clock);
        meter.Measure(Progress(committed: 0));
        clock.Advance(TimeSpan.FromSeconds(8));

        Assert.Equal(10_000_000, meter.Measure(Progress(committed: 80_000_000)).BytesPerSecond);
        clock.Advance(TimeSpan.FromSeconds(8));
        Assert.InRange(meter.Measure(Progress(committed: 80_000_000)).BytesPerSecond, 0, 5_000_000);
        clock.Advance(TimeSpan.FromSeconds(11));
        Assert.Equal(0, meter.Measure(Progress(committed: 80_000_000)).BytesPerSecond);
    }

    [Fact]
    public void More_than_all_is_never_done()
    {
        JobProgress progress = Progress(committed: 1_000_000_000);
        progress.Lanes.Add(new LaneProgress { BytesDone = 50, ByteCount = 1000 });

        Assert.Equal(1, new PaceMeter(clock).Measure(progress).Share);
    }

    private static JobProgress Transferring(long done)
    {
        JobProgress progress = Progress(committed: 0, state: "transferring");
        progress.Transfers.Add(new TransferProgress { Name = "a", ByteLength = 4_000_000_000, BytesDone = done });
        return progress;
    }

    private static JobProgress Progress(long committed, string state = "running")
    {
        var progress = new JobProgress { State = state };
        progress.Files.Add(new FileProgress { Name = "model.safetensors", ByteLength = 1_000_000_000, BytesCommitted = committed, Parts = 30 });
        return progress;
    }

    private sealed class ManualClock : TimeProvider
    {
        private long ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => ticks;

        public void Advance(TimeSpan by) => ticks += by.Ticks;
    }
}
