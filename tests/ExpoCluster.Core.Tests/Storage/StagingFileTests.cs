using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Tests.Storage;

public sealed class StagingFileTests : IDisposable
{
    private static readonly byte[] Header = [1, 2, 3, 4, 5, 6, 7, 8];

    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    private string FilePath => place.PathOf("staging", "model.safetensors");

    [Fact]
    public void It_is_made_with_length_and_header()
    {
        StagingFile.Create(FilePath, Header, 1_000_000);

        Assert.Equal(1_000_000, new FileInfo(FilePath).Length);
        Assert.Equal(StagingCondition.Sound, StagingFile.Inspect(FilePath, Header, 1_000_000));
    }

    [Fact]
    public void Its_space_is_reserved_not_only_its_length()
    {
        long before = new DriveInfo(place.Path).AvailableFreeSpace;

        StagingFile.Create(FilePath, Header, 500_000_000);

        // Others write to this disk too, but hardly give back half of it.
        Assert.True(before - new DriveInfo(place.Path).AvailableFreeSpace > 250_000_000 || !FileSystemFacts.Of(place.Path).CanReserve);
    }

    [Fact]
    public void Made_again_it_keeps_what_is_in_it()
    {
        StagingFile.Create(FilePath, Header, 100_000);
        using (StagingFile file = StagingFile.Open(FilePath))
        {
            file.Write([9], 50_000);
        }

        StagingFile.Create(FilePath, Header, 100_000);

        Assert.Equal(9, File.ReadAllBytes(FilePath)[50_000]);
    }

    [Fact]
    public void One_that_was_made_only_in_part_is_completed()
    {
        place.Write("staging/model.safetensors", "");

        StagingFile.Create(FilePath, Header, 100_000);

        Assert.Equal(StagingCondition.Sound, StagingFile.Inspect(FilePath, Header, 100_000));
    }

    [Fact]
    public void Absent_short_and_foreign_ones_are_told_apart_from_sound_ones()
    {
        Assert.Equal(StagingCondition.Absent, StagingFile.Inspect(FilePath, Header, 100));
        StagingFile.Create(FilePath, Header, 100);
        Assert.Equal(StagingCondition.Foreign, StagingFile.Inspect(FilePath, Header, 101));
        Assert.Equal(StagingCondition.Foreign, StagingFile.Inspect(FilePath, [8, 7, 6, 5, 4, 3, 2, 1], 100));
        Assert.Equal(StagingCondition.Sound, StagingFile.Inspect(FilePath, Header, 100));
    }

    [Fact]
    public void Opening_never_creates()
    {
        Assert.Equal("EXPO4004", Assert.Throws<StorageException>(() => StagingFile.Open(FilePath)).Code);
        Assert.False(File.Exists(FilePath));
    }

    [Theory]
    [InlineData(0, 4096)]
    [InlineData(1 << 20, 1 << 20)]
    [InlineData(5, 100)]
    [InlineData(4096, 100)]
    public void What_is_written_is_there_aligned_or_not(int offset, int count)
    {
        StagingFile.Create(FilePath, Header, 4 << 20);
        byte[] bytes = new byte[count];
        Array.Fill(bytes, (byte)0xCD);

        using (StagingFile file = StagingFile.OpenForTiles(FilePath))
        {
            file.Write(bytes, offset);
            file.Flush();
        }

        byte[] content = File.ReadAllBytes(FilePath);
        Assert.Equal(bytes, content[offset..(offset + count)]);
        Assert.Equal(0, content[offset + count]);
    }
}
