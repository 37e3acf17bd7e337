using System.Collections.Immutable;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Tests.Parts;

/// <summary>A staging file of two whole parts and a short one, of random bytes but for a block of zeros.</summary>
public sealed class CommittedBytesTests : IDisposable
{
    private const long Length = (2L * PartGrid.PartBytes) + PartGrid.BlockBytes + 1000;
    private const int ZeroBlock = 3;

    private static readonly byte[] Header = [1, 2, 3, 4, 5, 6, 7, 8];

    private readonly TemporaryDirectory place = new();
    private readonly byte[] content = new byte[Length];
    private readonly byte[] digests = new byte[PartGrid.BlockCount(Length) * BlockDigest.ByteCount];

    public CommittedBytesTests()
    {
        new Random(1).NextBytes(content);
        Header.CopyTo(content, 0);
        content.AsSpan(ZeroBlock * PartGrid.BlockBytes, PartGrid.BlockBytes).Clear();
        for (int block = 0; block < PartGrid.BlockCount(Length); block++)
        {
            int begin = block * PartGrid.BlockBytes;
            BlockDigest.Compute(
                content.AsSpan(begin, (int)Math.Min(PartGrid.BlockBytes, Length - begin)), digests.AsSpan(block * BlockDigest.ByteCount, BlockDigest.ByteCount));
        }

        StagingFile.Create(FilePath, Header, Length);
        using StagingFile file = StagingFile.Open(FilePath);
        file.Write(content, 0);
        file.Flush();
    }

    private string FilePath => place.PathOf("staging", "model.safetensors");

    public void Dispose() => place.Dispose();

    [Fact]
    public void What_was_committed_is_found_as_it_was_and_counted()
    {
        long looked = 0;
        Assert.Empty(Find(AllCommitted(), bytes => looked += bytes));
        Assert.Equal(Length, looked);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(PartGrid.BlockBytes - 1)]
    [InlineData(PartGrid.PartBytes)]
    [InlineData(Length - 1)]
    public void A_single_bit_that_flipped_loses_its_part_and_no_other(long offset)
    {
        Overwrite(offset, [(byte)(content[offset] ^ 0x10)]);

        Assert.Equal([(int)(offset / PartGrid.PartBytes)], Find(AllCommitted()).ToArray());
    }

    [Fact]
    public void Parts_that_are_not_committed_are_not_looked_at()
    {
        Overwrite(PartGrid.PartBytes, new byte[100]);

        Assert.Empty(Find(AllCommitted().SetItem(1, null)));
    }

    [Fact]
    public void Of_a_file_that_was_cut_all_that_is_missing_is_lost()
    {
        using (FileStream cut = File.OpenWrite(FilePath))
        {
            cut.SetLength(PartGrid.PartBytes + 5);
        }

        Assert.Equal([1, 2], Find(AllCommitted()).ToArray());
    }

    [Fact]
    public void What_was_reserved_and_never_written_is_found_unwritten_and_written_zeros_are_not()
    {
        using (FileStream cut = File.OpenWrite(FilePath))
        {
            cut.SetLength(PartGrid.PartBytes + 5);
            cut.SetLength(Length);
        }

        using StagingFile file = StagingFile.Open(FilePath);
        Assert.NotEmpty(file.Holes());
        Assert.Equal([1, 2], CommittedBytes.FindUnwritten(file, Length, digests).ToArray());
    }

    [Fact]
    public void A_hole_where_zeros_belong_is_as_it_should_be()
    {
        string sparse = place.PathOf("sparse");
        using (FileStream made = File.Create(sparse))
        {
            made.Write(content.AsSpan(0, ZeroBlock * PartGrid.BlockBytes));
            made.Position = (ZeroBlock + 1) * PartGrid.BlockBytes;
            made.Write(content.AsSpan((ZeroBlock + 1) * PartGrid.BlockBytes));
        }

        using StagingFile file = StagingFile.Open(sparse);
        Assert.NotEmpty(file.Holes());
        Assert.Empty(CommittedBytes.FindUnwritten(file, Length, digests).ToArray());
    }

    private ImmutableArray<ReadOnlyMemory<byte>?> AllCommitted()
    {
        const int OfPart = PartGrid.BlocksPerPart * BlockDigest.ByteCount;
        return
        [
            .. Enumerable.Range(0, PartGrid.PartCount(Length))
                .Select(part => (ReadOnlyMemory<byte>?)digests.AsMemory(part * OfPart, Math.Min(OfPart, digests.Length - (part * OfPart)))),
        ];
    }

    private ImmutableArray<int> Find(ImmutableArray<ReadOnlyMemory<byte>?> committed, Action<long>? progress = null)
    {
        using StagingFile file = StagingFile.Open(FilePath);
        return CommittedBytes.FindLost(file, committed, bytes =>
        {
            progress?.Invoke(bytes);
            return true;
        });
    }

    private void Overwrite(long offset, byte[] bytes)
    {
        using StagingFile file = StagingFile.Open(FilePath);
        file.Write(bytes, offset);
    }
}
