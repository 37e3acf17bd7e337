using ExpoCluster.Cli.Display;

namespace ExpoCluster.Cli.Tests.Display;

public sealed class TimeEstimateTests
{
    [Theory]
    [InlineData(2_000_000_000, 0, null, 6, "about 6 s at 400 MB/s written; your storage decides")]
    [InlineData(2_000_000_000, 0, 50_000_000L, 41, "about 41 s at 50.0 MB/s written, the given limit; your storage decides")]
    [InlineData(2_000_000_000, 0, 5_000_000_000L, 6, "about 6 s at 400 MB/s written; your storage decides")]
    [InlineData(137_950_000_000, 275_900_000_000, null, 3104.875, "about 52 min at 400 MB/s written and 100 MB/s downloaded; your storage decides")]
    public void It_is_bytes_by_rates_and_says_which(long written, long downloaded, long? limit, double seconds, string text)
    {
        var estimate = new TimeEstimate(written, downloaded, limit);

        Assert.Equal(seconds, estimate.Seconds, tolerance: 0.001);
        Assert.Equal(text, estimate.Describe());
    }
}
