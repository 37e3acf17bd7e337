using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Hub.Download;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Storage;
using ExpoCluster.TestHub;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Tests.Hub;

public sealed class HubDownloadTests : IAsyncLifetime
{
    private static readonly DownloadOptions Options = new() { Connections = 4, RequestBytes = 200_000, RangeBytes = 100_000, ProgressInterval = TimeSpan.Zero };

    private readonly HubPair pair = new();

    private HubServer Server => pair.Server;

    private string Blobs => Path.Join(pair.Scene.CacheDirectory, "models--org--aligned", "blobs");

    public async Task InitializeAsync()
    {
        await pair.InitializeAsync();
        pair.WithSmallModels();
    }

    public Task DisposeAsync() => pair.DisposeAsync();

    [Fact]
    public async Task What_the_plan_needs_comes_into_the_cache_and_nothing_else()
    {
        await DownloadAsync();

        string snapshot = Path.Join(pair.Scene.CacheDirectory, "models--org--aligned", "snapshots", pair.Aligned.Commit);
        Assert.Equal(
            [
                "additional_chat_templates/tool.jinja", "config.json", "model-00001-of-00002.safetensors",
                "model-00002-of-00002.safetensors", "model.safetensors.index.json", "tokenizer.json",
            ],
            Directory.EnumerateFiles(snapshot, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(snapshot, path)).Order(StringComparer.Ordinal));
        Assert.Equal(pair.Aligned.Commit, File.ReadAllText(Path.Join(pair.Scene.CacheDirectory, "models--org--aligned", "refs", "main")));
        Assert.Equal(
            Bytes(pair.Aligned, "model-00001-of-00002.safetensors"), await File.ReadAllBytesAsync(Path.Join(snapshot, "model-00001-of-00002.safetensors")));
        AssertSound();
    }

    [Fact]
    public async Task After_a_download_the_same_references_open_from_the_cache_without_asking()
    {
        PlannedMerge remote = await DownloadAsync();
        Server.Forget();

        PlannedMerge local = Planner.Plan(remote.Pinned(pair.Recipe), pair.NewSession());

        Assert.All(local.Plan.Inputs, input => Assert.False(input.IsRemote));
        Assert.Empty(Server.Exchanges);
        Assert.Equal(local.Plan.Digest, pair.Plan().Plan.Digest);
        Assert.Empty(HubNeeds.Of(local, pair.NewSession())!.Missing);
    }

    [Fact]
    public async Task Ranges_come_over_several_connections_and_each_byte_once()
    {
        HubNeeds needs = Needs(out _);
        Server.Forget();

        await DownloadAsync();

        Assert.True(Server.Count(Place.Storage) >= 14, $"{Server.Count(Place.Storage)} requests");
        Assert.InRange(Server.BytesSent, needs.MissingBytes, needs.MissingBytes + 600_000);
    }

    [Fact]
    public async Task Progress_counts_up_to_all_bytes()
    {
        var told = new List<DownloadProgress>();
        HubNeeds needs = Needs(out HubSession session);

        await new HubDownload(session, Options).RunAsync(needs.Missing, told.Add, CancellationToken.None);

        Assert.Equal(needs.MissingBytes, told[^1].Files.Sum(file => file.BytesDone));
        Assert.Contains(told, progress => progress.Files.Sum(file => file.BytesDone) < needs.MissingBytes);
        Assert.All(told.SelectMany(progress => progress.Files), file => Assert.InRange(file.BytesDone, 0, file.ByteLength));
    }

    [Fact]
    public async Task An_interrupted_download_goes_on_where_it_was()
    {
        using var interrupt = new CancellationTokenSource();
        HubNeeds needs = Needs(out HubSession session);
        Server.Add(Fault.Stalls(Place.Storage, afterBytes: 50_000) with { Target = Etag("model-00001-of-00002.safetensors"), Times = 2 });

        // Two ranges stand still; when all others are there, the user loses patience.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new HubDownload(Patient(session), Options).RunAsync(
            needs.Missing,
            progress =>
            {
                if (progress.Files.Sum(file => file.BytesDone) > needs.MissingBytes / 2)
                {
                    interrupt.Cancel();
                }
            },
            interrupt.Token));
        Assert.Contains(Directory.EnumerateFiles(Blobs), path => path.EndsWith(".incomplete", StringComparison.Ordinal));
        Server.Heal();
        Server.Forget();

        await DownloadAsync();

        Assert.InRange(Server.BytesSent, 1, (needs.MissingBytes / 2) + 1_200_000);
        AssertSound();
    }

    [Fact]
    public async Task A_damaged_download_never_gets_its_name_and_the_next_one_is_right()
    {
        Server.Add(Fault.Damages(Place.Storage, offset: 250_000) with { Target = Etag("model-00001-of-00002.safetensors"), Times = 100 });

        HubException refusal = await Assert.ThrowsAsync<HubException>(DownloadAsync);

        Assert.Equal(HubErrors.WrongDigest, refusal.Code);
        Assert.Contains("model-00001-of-00002.safetensors", refusal.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Join(Blobs, Etag("model-00001-of-00002.safetensors"))));
        Server.Heal();
        await DownloadAsync();
        AssertSound();
    }

    [Fact]
    public async Task Claims_of_a_record_that_are_not_true_are_found_out()
    {
        // As after a power cut: the record says that all is there, and the file is zeros.
        HubNeeds needs = Needs(out _);
        HubFile file = needs.Missing.Single(file => file.Path == "model-00001-of-00002.safetensors" && file.Commit.Repository == "org/aligned");
        Directory.CreateDirectory(Blobs);
        string path = Path.Join(Blobs, file.Etag + ".expocluster.incomplete");
        using (FileStream stream = File.Create(path))
        {
            stream.SetLength(file.ByteLength);
        }

        using (var record = RangeRecord.Open(Path.Join(Blobs, file.Etag + ".expocluster.ranges"), file.ByteLength, Options.RangeBytes))
        {
            Assert.All(Enumerable.Range(0, record.Count), range => Assert.True(record.Complete(range)));
        }

        Assert.Equal(HubErrors.WrongDigest, (await Assert.ThrowsAsync<HubException>(DownloadAsync)).Code);
        await DownloadAsync();
        AssertSound();
    }

    [Theory]
    [InlineData(".incomplete")]
    [InlineData(".0123abcd.incomplete")]
    [InlineData(".expocluster.incomplete")]
    [InlineData(".expocluster.ranges")]
    public async Task What_others_left_unfinished_does_not_matter(string ending)
    {
        string path = Path.Join(Blobs, Etag("model-00001-of-00002.safetensors") + ending);
        Directory.CreateDirectory(Blobs);
        await File.WriteAllTextAsync(path, "half of something else");

        await DownloadAsync();

        AssertSound();
    }

    [Fact]
    public async Task A_server_that_ignores_ranges_is_read_whole()
    {
        Server.Add(Fault.IgnoresRanges(Place.Storage) with { Times = 1000 });
        pair.Base.With("model-00002-of-00002.safetensors", pair.Base.Files["model-00002-of-00002.safetensors"]);

        await DownloadAsync();

        AssertSound();
    }

    [Fact]
    public async Task A_large_file_of_a_server_that_ignores_ranges_is_read_once()
    {
        pair.WithSmallModels(("model.safetensors", "big", 6_000_000));
        HubNeeds needs = Needs(out _);
        Server.Add(Fault.IgnoresRanges(Place.Storage) with { Times = 1000 });

        await DownloadAsync(Options with { RequestBytes = 20 << 20, RangeBytes = 20 << 20 });

        Assert.Equal(2, needs.Missing.Count(file => file.ByteLength > 20 << 20));
        AssertSound();
    }

    [Fact]
    public async Task Connections_that_break_signatures_that_end_and_limits_do_no_harm()
    {
        Server.Add(Fault.Drops(Place.Storage, afterBytes: 30_000) with { Times = 7 });
        Server.Add(Fault.Status(Place.Storage, 403) with { Times = 3 });
        Server.Add(Fault.Status(Place.Resolve, 429, Fault.RetryAfter(2)) with { Times = 2 });
        Server.Add(Fault.Status(Place.Content, 503) with { Times = 2 });

        await DownloadAsync();

        AssertSound();
    }

    [Fact]
    public async Task Two_at_a_time_share_the_work_and_both_succeed()
    {
        HubNeeds needs = Needs(out HubSession one);
        using HubSession two = pair.NewSession();
        Server.Forget();

        await Task.WhenAll(
            new HubDownload(one, Options).RunAsync(needs.Missing, _ => { }, CancellationToken.None),
            new HubDownload(two, Options).RunAsync(needs.Missing, _ => { }, CancellationToken.None));

        Assert.InRange(Server.BytesSent, 1, needs.MissingBytes + 100_000);
        AssertSound();
    }

    [Fact]
    public async Task Without_links_the_files_themselves_are_in_the_snapshot()
    {
        HubSession session = pair.NewSession(("HF_HUB_DISABLE_SYMLINKS", "1"));
        PlannedMerge merge = Planner.Plan(pair.Recipe, session);

        await new HubDownload(session, Options).RunAsync(HubNeeds.Of(merge, session)!.Missing, _ => { }, CancellationToken.None);

        string file = Path.Join(pair.Scene.CacheDirectory, "models--org--base", "snapshots", pair.Base.Commit, "model-00001-of-00002.safetensors");
        Assert.Null(new FileInfo(file).LinkTarget);
        Assert.All(pair.Plan().Plan.Inputs, input => Assert.False(input.IsRemote));
    }

    [Fact]
    public async Task An_empty_file_is_a_file()
    {
        pair.Aligned.With("merges.txt", TestFile.Of(""));

        await DownloadAsync();

        Assert.Equal("", await File.ReadAllTextAsync(Path.Join(pair.Scene.CacheDirectory, "models--org--aligned", "snapshots", pair.Aligned.Commit, "merges.txt")));
    }

    [Fact]
    public void A_cache_without_room_is_known_before_anything_is_downloaded()
    {
        pair.AddSparse("org/base", files: 40, tensorsOfFile: 1, elementsOfTensor: 1L << 42);
        pair.AddSparse("org/aligned", files: 40, tensorsOfFile: 1, elementsOfTensor: 1L << 42);
        HubNeeds needs = Needs(out _);

        StorageException refusal = Assert.Throws<StorageException>(() => needs.CheckSpace(OutputPaths.Of(pair.Scene.PathOf("out")), 1));

        Assert.Equal(StorageException.Full, refusal.Code);
        Assert.Contains("the download and the output", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("--no-cache", refusal.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void A_gated_model_is_refused_before_its_weights()
    {
        Server.Add(new TestRepository("org/gated") { IsGated = true, Token = HubScene.Token }.WithDirectory(pair.Scene.PathOf(".")));

        ExpoException refusal = Assert.ThrowsAny<ExpoException>(() => Planner.Plan(pair.Recipe with { Base = "hf:org/gated" }, pair.NewSession()));

        Assert.DoesNotContain("secret", refusal.Message, StringComparison.Ordinal);
    }

    private HubNeeds Needs(out HubSession session)
    {
        session = pair.NewSession();
        return HubNeeds.Of(Planner.Plan(pair.Recipe, session), session)!;
    }

    private HubSession Patient(HubSession other)
    {
        HubSession patient = pair.NewSession(("HF_HUB_DOWNLOAD_TIMEOUT", "60"));
        Assert.Equal(other.Cache.Directory, patient.Cache.Directory);
        return patient;
    }

    private Task<PlannedMerge> DownloadAsync() => DownloadAsync(Options);

    private async Task<PlannedMerge> DownloadAsync(DownloadOptions options)
    {
        HubSession session = pair.NewSession();
        PlannedMerge merge = Planner.Plan(pair.Recipe, session);
        HubNeeds.Record(merge);
        await new HubDownload(session, options).RunAsync(HubNeeds.Of(merge, session)!.Missing, _ => { }, CancellationToken.None);
        return merge;
    }

    private string Etag(string path) => pair.Aligned.Files[path].Etag;

    private static byte[] Bytes(TestRepository model, string path)
    {
        using Stream stream = model.Files[path].Open();
        using var content = new MemoryStream();
        stream.CopyTo(content);
        return content.ToArray();
    }

    // Every blob with a digest for its name has that digest, and ours leave nothing unfinished.
    private void AssertSound()
    {
        foreach (TestRepository model in new[] { pair.Base, pair.Aligned })
        {
            string blobs = Path.Join(pair.Scene.CacheDirectory, "models--" + model.Name.Replace("/", "--", StringComparison.Ordinal), "blobs");
            foreach (string blob in Directory.EnumerateFiles(blobs).Where(path => !path.EndsWith(".incomplete", StringComparison.Ordinal)))
            {
                TestFile file = model.Files.Values.First(file => file.Etag == Path.GetFileName(blob));
                using Stream expected = file.Open();
                using FileStream found = File.OpenRead(blob);
                Assert.Equal(System.Security.Cryptography.SHA256.HashData(expected), System.Security.Cryptography.SHA256.HashData(found));
            }

            Assert.DoesNotContain(Directory.EnumerateFiles(blobs), path => path.EndsWith(".expocluster.incomplete", StringComparison.Ordinal));
        }
    }
}
