using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Tests.Storage;

public sealed class StorageProbeTests : IDisposable
{
    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Fact]
    public void A_file_system_that_does_everything_passes_and_nothing_is_left()
    {
        new StorageProbe().Check(place.Path, "fuse");

        Assert.Empty(Directory.GetFiles(place.Path));
    }

    [Fact]
    public void One_that_cannot_write_out_of_order_is_refused_by_what_it_cannot_do()
    {
        var appends = new StorageProbe(
            (file, bytes, offset) => RandomAccess.Write(file, bytes, offset == 0 ? throw new IOException("Operation not supported") : offset));

        Refuses(appends, "cannot write a file out of order: Operation not supported");
    }

    [Fact]
    public void One_that_loses_what_was_written_out_of_order_is_refused()
    {
        var forgets = new StorageProbe((file, bytes, offset) => RandomAccess.Write(file, bytes, 0));

        Refuses(forgets, "cannot write a file out of order");
    }

    private void Refuses(StorageProbe probe, string why)
    {
        StorageException refused = Assert.Throws<StorageException>(() => probe.Check(place.Path, "fuse"));
        Assert.Equal(StorageException.Unsuitable, refused.Code);
        Assert.Contains($"(fuse) {why}", refused.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(place.Path));
    }
}
