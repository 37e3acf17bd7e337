namespace ExpoCluster.Server.Nodes;

public sealed class RepeatedLinesTests
{
    private readonly SteppedClock clock = new();

    [Fact]
    public void A_line_is_said_once_in_half_a_minute_and_then_with_how_often_it_was_held_back()
    {
        var lines = new RepeatedLines(clock);

        Assert.True(lines.MaySay("away", out _));
        Assert.False(lines.MaySay("away", out _));
        Assert.True(lines.MaySay("another", out _));
        Assert.False(lines.MaySay("away", out _));

        clock.Now += TimeSpan.FromSeconds(31);
        Assert.True(lines.MaySay("away", out int suppressed));
        Assert.Equal(2, suppressed);
        Assert.False(lines.MaySay("away", out _));
    }

    [Fact]
    public void However_many_lines_there_are_each_new_one_is_said()
    {
        var lines = new RepeatedLines(clock);

        Assert.All(Enumerable.Range(0, 1000), number => Assert.True(lines.MaySay($"line {number}", out _)));
    }

    private sealed class SteppedClock : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}
