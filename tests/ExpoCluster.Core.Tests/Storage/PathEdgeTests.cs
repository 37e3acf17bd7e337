using System.Diagnostics;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Tests.Storage;

public sealed class PathEdgeTests : IDisposable
{
    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Fact]
    public void Dots_in_a_link_lead_out_of_where_the_link_before_them_leads()
    {
        Directory.CreateDirectory(place.PathOf("far", "away", "inner"));
        place.Write("far/away/weights", "x");
        Directory.CreateSymbolicLink(place.PathOf("near"), place.PathOf("far", "away", "inner"));
        File.CreateSymbolicLink(place.PathOf("link"), "near/../weights");

        // The kernel agrees that this is the file.
        Assert.Equal("x", File.ReadAllText(place.PathOf("link")));
        Assert.Equal(place.PathOf("far", "away", "weights"), RealPath.Of(place.PathOf("link")));
    }

    [Fact]
    public void A_Hub_snapshot_resolves_to_its_blob()
    {
        place.Write("blobs/abc", "x");
        Directory.CreateDirectory(place.PathOf("snapshots", "rev"));
        File.CreateSymbolicLink(place.PathOf("snapshots", "rev", "model.safetensors"), "../../blobs/abc");

        Assert.Equal(place.PathOf("blobs", "abc"), RealPath.Of(place.PathOf("snapshots", "rev", "model.safetensors")));
    }

    [Fact]
    public void Links_that_double_at_each_step_are_refused_at_once()
    {
        Directory.CreateDirectory(place.PathOf("d0"));
        Directory.CreateSymbolicLink(place.PathOf("d0", "up"), "..");
        for (int level = 1; level <= 40; level++)
        {
            string below = $"d{level - 1}";
            Directory.CreateSymbolicLink(place.PathOf($"d{level}"), $"{below}/up/{below}");
        }

        Assert.Throws<StorageException>(() => RealPath.Of(place.PathOf("d40")));
    }

    [Fact]
    public void As_many_links_as_the_kernel_follows_are_followed()
    {
        place.Write("target", "x");
        File.CreateSymbolicLink(place.PathOf("link1"), "target");
        for (int link = 2; link <= 40; link++)
        {
            File.CreateSymbolicLink(place.PathOf($"link{link}"), $"link{link - 1}");
        }

        Assert.Equal(place.PathOf("target"), RealPath.Of(place.PathOf("link40")));
    }

    [Fact]
    public void The_root_is_itself() => Assert.Equal("/", RealPath.Of("/"));

    [Theory]
    [InlineData("/a\\134b/x", "/a\\134b", "/")]
    [InlineData("/a\\b/x", "ext4", "/a\\b")]
    [InlineData("/tab\there/x", "xfs", "/tab\there")]
    [InlineData("/hash#1/x", "btrfs", "/hash#1")]
    public void Mount_points_are_unescaped_as_the_kernel_escapes_them(string path, string kind, string mountPoint)
    {
        string[] mounts = ["/dev/a /a\\134b ext4 rw 0 0", "/dev/b /tab\\011here xfs rw 0 0", "/dev/c /hash\\0431 btrfs rw 0 0"];

        (string Kind, string MountPoint) found = FileSystemFacts.Find(path, mounts);

        Assert.Equal(mountPoint == "/" ? ("unknown", "/") : (kind, mountPoint), found);
    }

    [Fact]
    public void Without_a_mount_table_nothing_is_known() => Assert.Equal(("unknown", "/"), FileSystemFacts.Find("/x", []));

    [Fact]
    public void What_could_not_be_put_in_its_place_does_not_lie_about()
    {
        Directory.CreateDirectory(place.PathOf("taken"));
        place.Write("taken/by", "another");

        Assert.Equal("EXPO4002", Assert.Throws<StorageException>(() => Durability.WriteWhole(place.PathOf("taken"), "x"u8)).Code);

        Assert.Equal(["taken"], Directory.EnumerateFileSystemEntries(place.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void Hard_links_are_one_file_and_copies_are_two()
    {
        string path = place.Write("a", "123");
        using (Process link = Process.Start("ln", [path, place.PathOf("hard")]))
        {
            link.WaitForExit();
        }

        File.Copy(path, place.PathOf("copy"));

        Assert.Equal(FileIdentity.Of(path)!.Value.Inode, FileIdentity.Of(place.PathOf("hard"))!.Value.Inode);
        Assert.NotEqual(FileIdentity.Of(path)!.Value.Inode, FileIdentity.Of(place.PathOf("copy"))!.Value.Inode);
    }

    [Fact]
    public void A_staging_file_has_its_blocks_before_anything_is_written_into_it()
    {
        string path = place.PathOf("staging", "model.safetensors");
        StagingFile.Create(path, "12345678"u8, 20_000_000);

        using Process stat = Process.Start(new ProcessStartInfo("stat", ["-c", "%b", path]) { RedirectStandardOutput = true })!;
        long blocks = long.Parse(stat.StandardOutput.ReadToEnd(), System.Globalization.CultureInfo.InvariantCulture);

        Assert.True(blocks * 512 >= 20_000_000 || !FileSystemFacts.Of(path).CanReserve, $"{blocks} blocks of 512 bytes");
    }

    [Fact]
    public void A_longer_file_in_the_place_of_a_staging_file_is_not_cut_but_foreign()
    {
        string path = place.Write("staging/model.safetensors", new string('x', 500));

        StagingFile.Create(path, "12345678"u8, 100);

        Assert.Equal(500, new FileInfo(path).Length);
        Assert.Equal(StagingCondition.Foreign, StagingFile.Inspect(path, "12345678"u8, 100));
    }

    [Fact]
    public void Tiles_past_the_page_cache_and_through_it_make_one_file()
    {
        string path = place.PathOf("staging", "model.safetensors");
        byte[] content = new byte[(3 << 20) + 777];
        new Random(5).NextBytes(content);
        StagingFile.Create(path, content.AsSpan(0, 8), content.Length);
        byte[] tile = GC.AllocateUninitializedArray<byte>((1 << 20) + StagingFile.DirectAlignment, pinned: true);
        long address = System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(tile, 0);
        int skip = (int)(-address & (StagingFile.DirectAlignment - 1));
        using (StagingFile file = StagingFile.OpenForTiles(path))
        {
            for (int offset = 0; offset < content.Length; offset += 1 << 20)
            {
                // The second tile comes from memory that direct writes refuse, the last one has an odd length.
                int count = Math.Min(1 << 20, content.Length - offset);
                int at = offset == 1 << 20 ? skip == 0 ? 1 : 0 : skip;
                content.AsSpan(offset, count).CopyTo(tile.AsSpan(at));
                file.Write(tile.AsSpan(at, count), offset);
            }

            file.Flush();
            Assert.Equal(content.Length, file.ByteLength);
        }

        Assert.Equal(content, File.ReadAllBytes(path));
    }
}
