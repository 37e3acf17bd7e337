using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Tests.Storage;

public sealed class RealPathTests : IDisposable
{
    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Fact]
    public void Links_are_resolved_anywhere_on_the_way_also_before_a_missing_end()
    {
        Directory.CreateDirectory(place.PathOf("real", "deep"));
        Directory.CreateSymbolicLink(place.PathOf("link"), place.PathOf("real"));
        Directory.CreateSymbolicLink(place.PathOf("relative"), "link/deep");

        Assert.Equal(place.PathOf("real", "deep", "missing", "end"), RealPath.Of(place.PathOf("link", "deep", "missing", "end")));
        Assert.Equal(place.PathOf("real", "deep"), RealPath.Of(place.PathOf("relative")));
        Assert.Equal(place.PathOf("real"), RealPath.Of(place.PathOf("relative", "..", "link")));
    }

    [Fact]
    public void A_loop_of_links_is_refused()
    {
        File.CreateSymbolicLink(place.PathOf("a"), "b");
        File.CreateSymbolicLink(place.PathOf("b"), "a");

        Assert.Throws<StorageException>(() => RealPath.Of(place.PathOf("a")));
    }

    [Theory]
    [InlineData("/a/b", "/a/b", true)]
    [InlineData("/a/b/c", "/a/b", true)]
    [InlineData("/a/bc", "/a/b", false)]
    [InlineData("/a", "/a/b", false)]
    [InlineData("/a", "/", true)]
    public void Inside_is_a_matter_of_whole_names(string path, string directory, bool inside) =>
        Assert.Equal(inside, RealPath.IsInside(path, directory));
}

public sealed class FileSystemFactsTests
{
    private static readonly string[] Mounts =
    [
        "/dev/vda / ext4 rw 0 0", "tmpfs /tmp tmpfs rw 0 0", "server:/x /mnt/models nfs4 rw 0 0", "s3fs /mnt/models/bucket fuse.s3fs rw 0 0",
        "/dev/vdb /with\\040space xfs rw 0 0", "overlay /tmp overlay rw 0 0", "broken",
    ];

    [Theory]
    [InlineData("/home/x", "ext4", "/")]
    [InlineData("/mnt/models/llama", "nfs4", "/mnt/models")]
    [InlineData("/mnt/models/bucket/x", "fuse.s3fs", "/mnt/models/bucket")]
    [InlineData("/mnt/models2", "ext4", "/")]
    [InlineData("/with space/x", "xfs", "/with space")]
    [InlineData("/tmp/x", "overlay", "/tmp")]
    public void The_longest_and_latest_mount_counts(string path, string kind, string mountPoint) =>
        Assert.Equal((kind, mountPoint), FileSystemFacts.Find(path, Mounts));

    [Theory]
    [InlineData("ext4", false, true, true)]
    [InlineData("nfs4", true, true, true)]
    [InlineData("cifs", true, false, true)]
    [InlineData("fuse.s3fs", true, false, false)]
    [InlineData("zfs", false, true, false)]
    public void Each_kind_promises_what_it_can(string kind, bool isNetwork, bool keepsPromises, bool canReserve)
    {
        var facts = new FileSystemFacts(kind, "/", 0);

        Assert.Equal((isNetwork, keepsPromises, canReserve), (facts.IsNetwork, facts.KeepsPromises, facts.CanReserve));
    }

    [Fact]
    public void A_directory_that_does_not_exist_yet_is_judged_by_its_parent() =>
        Assert.True(FileSystemFacts.Of(Path.Join(Path.GetTempPath(), "not", "there", "yet")).FreeBytes > 0);
}

public sealed class DurabilityTests : IDisposable
{
    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Fact]
    public void A_small_file_is_replaced_whole_and_leaves_nothing_else()
    {
        string path = place.Write("a.json", "old and much longer");

        Durability.WriteWhole(path, "new"u8);

        Assert.Equal("new", File.ReadAllText(path));
        Assert.Equal([path], Directory.EnumerateFileSystemEntries(place.Path));
    }

    [Fact]
    public void Where_nothing_can_be_written_it_says_so()
    {
        place.Write("file", "");

        Assert.Equal("EXPO4002", Assert.Throws<StorageException>(() => Durability.CreateDirectory(place.PathOf("file", "below"))).Code);
        Assert.Equal("EXPO4002", Assert.Throws<StorageException>(() => Durability.WriteWhole(place.PathOf("missing", "x"), "x"u8)).Code);
    }

    [Fact]
    public void A_file_is_the_same_under_all_its_names_and_changes_when_it_is_touched()
    {
        string path = place.Write("a", "123");
        File.CreateSymbolicLink(place.PathOf("link"), path);
        FileIdentity before = FileIdentity.Of(path)!.Value;

        Assert.Equal(before, FileIdentity.Of(place.PathOf("link")));
        Assert.Equal(3, before.ByteLength);
        File.SetLastWriteTimeUtc(path, new DateTime(2020, 1, 2, 0, 0, 0, DateTimeKind.Utc));
        Assert.Equal(1_577_923_200_000_000_000, FileIdentity.Of(path)!.Value.ModifiedUnixNanoseconds);
        Assert.Null(FileIdentity.Of(place.PathOf("missing")));
    }
}
