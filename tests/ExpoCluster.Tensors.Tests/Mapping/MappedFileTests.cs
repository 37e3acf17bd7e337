using ExpoCluster.Tensors.Mapping;

namespace ExpoCluster.Tensors.Tests.Mapping;

public sealed class MappedFileTests : IDisposable
{
    private static readonly byte[] Content = [.. Enumerable.Range(0, 10_000).Select(i => (byte)(i * 31))];

    private readonly ScratchDirectory scratch = new();

    public void Dispose() => scratch.Dispose();

    [Theory]
    [InlineData(0, 10_000)]
    [InlineData(0, 0)]
    [InlineData(4095, 3)]
    [InlineData(9_999, 1)]
    [InlineData(10_000, 0)]
    public void A_span_shows_the_bytes_of_its_range(int offset, int count)
    {
        using MappedFile file = Open();

        Assert.Equal(Content.AsSpan(offset, count), file.Span(offset, count));
    }

    [Fact]
    public void Memory_that_is_given_back_is_not_resident_until_it_is_brought_again()
    {
        const long MiB = 1 << 20;
        string path = scratch.Write("large", new byte[32 * MiB]);
        if (!OperatingSystem.IsLinux() || new DriveInfo(path).DriveFormat is "tmpfs" or "ramfs")
        {
            return;
        }

        using (FileStream written = new(path, FileMode.Open))
        {
            written.Flush(flushToDisk: true);
        }

        using MappedFile file = MappedFile.Open(path, 32 * MiB);
        Assert.Equal(-1, file.Span(8 * MiB, 16 << 20).IndexOfAnyExcept((byte)0));
        Assert.Equal(16 * MiB, file.ResidentBytes(8 * MiB, 16 * MiB));

        file.Release(8 * MiB, 16 * MiB);

        // The kernel keeps pages in groups of up to 2 MiB, and those that lie across a border stay.
        Assert.InRange(file.ResidentBytes(8 * MiB, 16 * MiB), 0, 4 * MiB);
        Assert.Equal(4 * MiB, file.ResidentBytes(0, 4 * MiB));
        file.ReadAhead(8 * MiB, 16 * MiB);
        _ = SpinWait.SpinUntil(() => file.ResidentBytes(8 * MiB, 16 * MiB) == 16 * MiB, TimeSpan.FromSeconds(60));
        Assert.Equal(16 * MiB, file.ResidentBytes(8 * MiB, 16 * MiB));
    }

    [Theory]
    [InlineData(0, 10_000, 10_000)]
    [InlineData(0, 1, 1)]
    [InlineData(9_999, 1, 1808)]
    [InlineData(5000, 0, 904)]
    public void Residence_is_counted_from_the_page_that_the_range_begins_in(int offset, int count, int expected)
    {
        using MappedFile file = Open();

        Assert.Equal(Environment.SystemPageSize == 4096 ? expected : file.ResidentBytes(offset, count), file.ResidentBytes(offset, count));
    }

    [Fact]
    public void A_mapping_knows_its_path_and_length()
    {
        string path = scratch.Write("data", Content);
        using MappedFile file = MappedFile.Open(path, Content.Length);

        Assert.Equal(path, file.Path);
        Assert.Equal(Content.Length, file.Length);
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, -1)]
    [InlineData(0, 10_001)]
    [InlineData(10_000, 1)]
    [InlineData(10_001, 0)]
    [InlineData(long.MaxValue, 1)]
    [InlineData(long.MaxValue, int.MaxValue)]
    [InlineData(long.MinValue, 1)]
    public void A_range_outside_the_file_is_refused(long offset, int count)
    {
        using MappedFile file = Open();

        Assert.Throws<ArgumentOutOfRangeException>(() => file.Span(offset, count).Length);
    }

    [Fact]
    public void An_empty_file_has_an_empty_span()
    {
        using MappedFile file = MappedFile.Open(scratch.Write("empty", []), expectedLength: 0);

        Assert.True(file.Span(0, 0).IsEmpty);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Span(0, 1).Length);
    }

    [Fact]
    public void A_span_after_Dispose_is_refused()
    {
        MappedFile file = Open();
        file.Dispose();

        Assert.Throws<ObjectDisposedException>(() => file.Span(0, 1).Length);
    }

    [Fact]
    public void Dispose_may_be_called_again_and_from_several_threads()
    {
        MappedFile file = Open();

        Parallel.For(0, 8, _ => file.Dispose());
        file.Dispose();

        Assert.Throws<ObjectDisposedException>(() => file.Span(0, 0).Length);
    }

    [Fact]
    public void Dispose_unmaps_the_file()
    {
        string path = scratch.Write("mapped-and-released", Content);
        MappedFile file = MappedFile.Open(path, Content.Length);
        Assert.True(!OperatingSystem.IsLinux() || IsMapped(path));

        file.Dispose();

        Assert.False(OperatingSystem.IsLinux() && IsMapped(path));
    }

    [Fact]
    public void An_open_mapping_keeps_no_descriptor_and_survives_the_removal_of_the_file()
    {
        string path = scratch.Write("removed", Content);
        using MappedFile file = MappedFile.Open(path, Content.Length);

        File.Delete(path);

        Assert.Equal(Content, file.Span(0, Content.Length));
    }

    [Theory]
    [InlineData(9_999)]
    [InlineData(10_001)]
    [InlineData(0)]
    public void A_file_of_another_length_is_refused_with_both_lengths(long expectedLength)
    {
        string path = scratch.Write("data", Content);

        TensorFileException refusal = Assert.Throws<TensorFileException>(() => MappedFile.Open(path, expectedLength));

        Assert.Equal("EXPO1005", refusal.Code);
        Assert.Equal(path, refusal.File);
        Assert.Equal($"{expectedLength} bytes", refusal.Expected);
        Assert.Equal("10000 bytes", refusal.Found);
    }

    private static bool IsMapped(string path) => File.ReadAllText("/proc/self/maps").Contains(path, StringComparison.Ordinal);

    private MappedFile Open() => MappedFile.Open(scratch.Write("data", Content), Content.Length);
}
