using ExpoCluster.Core.Parts;

namespace ExpoCluster.Core.Tests.Parts;

public sealed class PartGridTests
{
    private const long MiB = 1 << 20;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(4 * MiB, 1)]
    [InlineData(32 * MiB, 1)]
    [InlineData((32 * MiB) + 1, 2)]
    [InlineData(64 * MiB, 2)]
    [InlineData(5_000_000_000, 150)]
    public void A_file_has_as_many_parts_as_it_needs(long byteLength, int parts) =>
        Assert.Equal(parts, PartGrid.PartCount(byteLength));

    [Theory]
    [InlineData(1)]
    [InlineData((4 * MiB) - 1)]
    [InlineData((4 * MiB) + 1)]
    [InlineData((96 * MiB) + 12345)]
    public void Parts_cover_the_file_exactly_on_the_grid_of_blocks(long byteLength)
    {
        long end = 0;
        for (int index = 0; index < PartGrid.PartCount(byteLength); index++)
        {
            PartRange part = PartGrid.Part(7, index, byteLength);
            Assert.Equal((7, index, end), (part.File, part.Index, part.Begin));
            Assert.Equal(0, part.Begin % PartGrid.BlockBytes);
            Assert.True(part.End == byteLength || part.End % PartGrid.BlockBytes == 0);
            Assert.True(part.ByteCount > 0);
            end = part.End;
        }

        Assert.Equal(byteLength, end);
    }

    [Fact]
    public void There_is_no_part_behind_the_last_one() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => PartGrid.Part(0, 1, 32 * MiB));
}
