using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Tests.Hub;

public sealed class HubCacheTests : IDisposable
{
    private static readonly HubCommit Commit = new("org/name", "0123456789abcdef0123456789abcdef01234567");
    private static readonly HubFile Config = new(Commit, "config.json", 2, new string('a', 40), Sha256: null);
    private static readonly HubFile Nested = new(Commit, "a/b/weights.bin", 3, new string('b', 40), new string('c', 64));

    private readonly TemporaryDirectory place = new();

    private HubCache Cache => new(place.PathOf("hub"));

    public void Dispose() => place.Dispose();

    [Fact]
    public void Many_may_write_the_same_names_at_the_same_moment()
    {
        var commit = new HubCommit("org/name", new string('a', 40));
        var file = new HubFile(commit, "folder/file.json", ByteLength: 2, GitOid: new string('b', 40), Sha256: null);
        string[] caches = [.. Enumerable.Range(0, 20).Select(number => place.PathOf("cache" + number))];

        Parallel.ForEach(caches.SelectMany(directory => Enumerable.Repeat(directory, 8)), directory =>
        {
            var cache = new HubCache(directory);
            cache.Prepare(Path.GetDirectoryName(cache.Blob("org/name", file.Etag))!);
            Durability.WriteShared(cache.Blob("org/name", file.Etag), "{}"u8);
            cache.WriteRef("org/name", "main", commit);
            cache.WriteListing(new HubListing(commit, [file]));
            cache.Link(file);
        });

        Assert.All(caches, directory =>
        {
            var cache = new HubCache(directory);
            Assert.NotNull(new FileInfo(cache.PlaceOf(file)).LinkTarget);
            Assert.True(cache.Has(file));
            Assert.Equal(commit, cache.ReadRef("org/name", "main"));
            Assert.DoesNotContain(Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories), path => path.EndsWith(".unfinished", StringComparison.Ordinal));
        });
    }

    [Fact]
    public void A_ref_is_written_without_a_line_end_and_read_with_one()
    {
        Cache.WriteRef("org/name", "refs/pr/1", Commit);

        string path = place.PathOf("hub", "models--org--name", "refs", "refs", "pr", "1");
        Assert.Equal(Commit.Sha, File.ReadAllText(path));
        File.WriteAllText(path, Commit.Sha + "\n");
        Assert.Equal(Commit, Cache.ReadRef("org/name", "refs/pr/1"));
    }

    [Theory]
    [InlineData("not a commit")]
    [InlineData("")]
    public void A_ref_that_is_no_commit_is_none(string text)
    {
        place.Write("hub/models--org--name/refs/main", text);

        Assert.Null(Cache.ReadRef("org/name", "main"));
    }

    [Fact]
    public void A_blob_gets_its_name_by_a_relative_link()
    {
        place.Write($"hub/models--org--name/blobs/{Nested.Etag}", "abc");

        Cache.Link(Nested);

        string name = place.PathOf("hub", "models--org--name", "snapshots", Commit.Sha, "a/b/weights.bin");
        Assert.Equal($"../../../../blobs/{Nested.Etag}", new FileInfo(name).LinkTarget);
        Assert.Equal("abc", File.ReadAllText(Cache.Find(Commit, "a/b/weights.bin")!));
    }

    [Fact]
    public void Where_links_are_forbidden_the_blob_itself_moves()
    {
        place.Write($"hub/models--org--name/blobs/{Config.Etag}", "{}");
        var cache = new HubCache(place.PathOf("hub"), usesLinks: false);

        cache.Link(Config);

        Assert.Null(new FileInfo(cache.Find(Commit, "config.json")!).LinkTarget);
        Assert.False(File.Exists(cache.Blob("org/name", Config.Etag)));
    }

    [Fact]
    public void A_link_that_leads_nowhere_counts_as_missing_and_is_replaced()
    {
        place.Write($"hub/models--org--name/blobs/{Config.Etag}", "{}");
        Cache.Link(Config);
        File.Delete(Cache.Blob("org/name", Config.Etag));
        Assert.Null(Cache.Find(Commit, "config.json"));

        place.Write($"hub/models--org--name/blobs/{Config.Etag}", "{}");
        Cache.Link(Config);
        Assert.NotNull(Cache.Find(Commit, "config.json"));
    }

    [Theory]
    [InlineData("../../../../secret")]
    [InlineData("/etc/passwd")]
    [InlineData("")]
    public void A_path_that_leads_outside_is_never_found(string path) => Assert.Null(Cache.Find(Commit, path));

    [Fact]
    public void A_listing_is_kept_and_read_back()
    {
        var listing = new HubListing(Commit, [Nested, Config]);

        Cache.WriteListing(listing);

        Assert.Equal<HubFile>([.. listing.Files], [.. Cache.ReadListing(Commit)!.Files]);
        Assert.True(File.Exists(place.PathOf("hub", "CACHEDIR.TAG")));
    }

    [Fact]
    public void A_listing_as_other_tools_write_it_is_read()
    {
        string sha256 = new('c', 64);
        place.Write($"hub/models--org--name/trees/{Commit.Sha}.json", $$"""
            {"format_version": 1, "files": {"model.safetensors": {"size": 10, "blob_id": "{{new string('b', 40)}}",
             "lfs_sha256": "{{sha256}}", "lfs_size": 10, "xet_hash": "x"}, "config.json": {"size": 2, "blob_id": "{{new string('a', 40)}}"} } }
            """);

        HubListing listing = Cache.ReadListing(Commit)!;

        Assert.Equal((10, sha256), (listing.Find("model.safetensors")!.ByteLength, listing.Find("model.safetensors")!.Etag));
        Assert.Equal(new string('a', 40), listing.Find("config.json")!.Etag);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("{\"format_version\": 2, \"files\": {}}")]
    [InlineData("{\"format_version\": 1, \"files\": {\"../x\": {\"size\": 1, \"blob_id\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}}}")]
    [InlineData("{\"format_version\": 1, \"files\": {\"x\": {\"size\": 1, \"blob_id\": \"../../x\"}}}")]
    [InlineData("nonsense")]
    public void A_listing_that_cannot_be_trusted_is_none(string text)
    {
        place.Write($"hub/models--org--name/trees/{Commit.Sha}.json", text);

        Assert.Null(Cache.ReadListing(Commit));
    }
}
