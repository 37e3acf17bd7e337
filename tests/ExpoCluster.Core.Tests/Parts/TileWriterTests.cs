using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Tests.Parts;

public sealed class TileWriterTests : IDisposable
{
    private const int Tile = PartExecutor.TileBytes;

    private readonly TemporaryDirectory scratch = new();
    private readonly StagingFile staging;
    private readonly TileWriter writer = new();

    public TileWriterTests()
    {
        string path = scratch.PathOf("staged");
        StagingFile.Create(path, [1], 4 * Tile);
        staging = StagingFile.OpenForTiles(path);
        writer.Begin(Lease());
    }

    public void Dispose()
    {
        writer.Dispose();
        staging.Dispose();
        scratch.Dispose();
    }

    [Fact]
    public void Tiles_are_in_the_file_when_the_writer_has_finished()
    {
        TileBuffer[] buffers = [new(), new()];
        for (int tile = 0; tile < 4; tile++)
        {
            TileBuffer buffer = buffers[tile % 2];
            writer.WaitFor(buffer);
            buffer.Bytes.Fill((byte)(tile + 1));
            writer.Add(new TileWrite(buffer, staging, (long)tile * Tile, Tile, Tile));
        }

        Assert.True(writer.Finish());

        byte[] file = File.ReadAllBytes(staging.Path);
        Assert.All(Enumerable.Range(0, 4), tile => Assert.Equal(-1, file.AsSpan(tile * Tile, Tile).IndexOfAnyExcept((byte)(tile + 1))));
    }

    [Fact]
    public void Progress_is_what_was_written()
    {
        WriteLease lease = Lease();
        writer.Begin(lease);
        TileBuffer[] buffers = [new(), new()];

        writer.Add(new TileWrite(buffers[0], staging, 0, Tile, Progress: 0));
        writer.Add(new TileWrite(buffers[1], staging, Tile, Tile, Progress: Tile));

        Assert.True(writer.Finish());
        Assert.Equal(Tile, lease.BytesDone);
    }

    [Fact]
    public void Nothing_is_written_without_a_valid_lease()
    {
        WriteLease lease = Lease();
        writer.Begin(lease);
        lease.Revoke();
        var buffer = new TileBuffer();
        buffer.Bytes.Fill(7);

        writer.Add(new TileWrite(buffer, staging, Tile, Tile, Tile));

        Assert.False(writer.Finish());
        Assert.Equal(0, lease.BytesDone);
        Assert.Equal(-1, File.ReadAllBytes(staging.Path).AsSpan(Tile).IndexOf((byte)7));
    }

    [Fact]
    public void A_failed_write_is_thrown_by_the_lane_and_forgotten_with_the_next_part()
    {
        TileBuffer[] buffers = [new(), new()];
        staging.Dispose();
        writer.Add(new TileWrite(buffers[0], staging, 0, Tile, Tile));
        writer.Add(new TileWrite(buffers[1], staging, Tile, Tile, Tile));

        Assert.ThrowsAny<Exception>(() => writer.Finish());
        writer.WaitFor(buffers[0]);
        writer.WaitFor(buffers[1]);

        using StagingFile again = StagingFile.OpenForTiles(staging.Path);
        writer.Begin(Lease());
        writer.Add(new TileWrite(buffers[0], again, 0, Tile, Tile));
        Assert.True(writer.Finish());
    }

    private static WriteLease Lease() => new(TimeProvider.System, TimeSpan.FromMinutes(10));
}
