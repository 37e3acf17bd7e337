using ExpoCluster.Core.Parts;
using ExpoCluster.Tensors.Statistics;

namespace ExpoCluster.Core.Tests.Parts;

public sealed class PartStatisticsTests
{
    [Fact]
    public void What_is_encoded_is_read_back()
    {
        TensorSums[] tensors =
        [
            new(0, default),
            new(7, new DeltaSums
            {
                Elements = long.MaxValue, Changed = 127, Swallowed = 128, NaN = 1, Infinite = 16_384, Overflowed = 3,
                SquaredDelta = 1e-300, SquaredAligned = double.MaxValue, AppliedDelta = -0.25, MaxDelta = double.PositiveInfinity,
            }),
            new(1_000_000, new DeltaSums { Elements = 1 }),
        ];

        Assert.Equal(tensors, PartStatistics.Decode(PartStatistics.Encode(tensors)));
    }

    [Fact]
    public void Nothing_is_no_bytes_which_is_what_older_journals_hold()
    {
        Assert.Empty(PartStatistics.Encode([]));
        Assert.Empty(PartStatistics.Decode([]));
    }

    // Frozen: journals hold these bytes.
    [Fact]
    public void The_encoding_of_this_version_stays()
    {
        byte[] encoded = PartStatistics.Encode(
            [new TensorSums(2, new DeltaSums { Elements = 300, Changed = 5, Swallowed = 1, SquaredDelta = 1, SquaredAligned = 2, AppliedDelta = 0.5, MaxDelta = 4 })]);

        Assert.Equal(
            "0103AC020501000000" + "000000000000F03F" + "0000000000000040" + "000000000000E03F" + "0000000000001040",
            Convert.ToHexString(encoded));
    }

    [Fact]
    public void Of_very_many_tensors_the_last_are_counted_together_so_that_a_message_stays_small()
    {
        TensorSums[] tensors = [.. Enumerable.Range(0, 100_000).Select(index => new TensorSums(index, new DeltaSums { Elements = 2, Changed = 1 }))];

        byte[] encoded = PartStatistics.Encode(tensors);
        var decoded = PartStatistics.Decode(encoded);

        Assert.True(encoded.Length < 200_000, $"{encoded.Length} bytes");
        Assert.Equal(PartStatistics.MaxTensors + 1, decoded.Length);
        Assert.Equal(-1, decoded[^1].Tensor);
        Assert.Equal(200_000, decoded.Sum(tensor => tensor.Sums.Elements));
    }

    [Theory]
    [InlineData("02")]
    [InlineData("0103")]
    [InlineData("0103AC02050100000000")]
    [InlineData("01FFFFFFFFFFFFFFFFFFFFFF")]
    public void Damaged_bytes_are_refused(string hex) =>
        Assert.Throws<FormatException>(() => PartStatistics.Decode(Convert.FromHexString(hex)));
}
