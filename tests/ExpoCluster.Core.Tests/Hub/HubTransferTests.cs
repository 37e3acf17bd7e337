using System.Collections.Immutable;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Hub.Download;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Storage;
using ExpoCluster.TestHub;

namespace ExpoCluster.Core.Tests.Hub;

/// <summary>Files of the Hub as a cluster brings them: named by their commits in its plans, fetched one by one into a cache that all share.</summary>
public sealed class HubTransferTests : IAsyncLifetime
{
    private readonly HubPair pair = new();

    private HubServer Server => pair.Server;

    public async Task InitializeAsync()
    {
        await pair.InitializeAsync();
        pair.WithSmallModels();
    }

    public Task DisposeAsync() => pair.DisposeAsync();

    [Fact]
    public async Task A_plan_does_not_depend_on_what_the_cache_has()
    {
        (PlannedMerge before, HubNeeds needs) = Plan();
        HubNeeds.Record(before);
        await FetchAsync(needs);
        Server.Forget();

        (PlannedMerge after, HubNeeds cached) = Plan();

        Assert.Equal(before.Plan.Digest, after.Plan.Digest);
        Assert.All(after.Plan.Inputs, input => Assert.True(input.IsRemote));
        Assert.Empty(cached.Missing);
        Assert.Equal(needs.Needed.Order(ByName).ToArray(), cached.Needed.Order(ByName).ToArray());
        Assert.Equal(0, Server.BytesSent);
        Assert.Equal(["additional_chat_templates/tool.jinja", "config.json", "tokenizer.json"], after.Aligned.Folder.RemoteSideFiles.ToArray());
        Assert.Equal(before.Plan.Digest, pair.Plan(("HF_HUB_CACHE", pair.Scene.PathOf("other"))).Plan.Digest);
    }

    [Fact]
    public void Each_run_asks_anew_what_a_branch_means()
    {
        using HubSession session = pair.NewSession();
        string first = Planner.Plan(pair.Recipe, session.Anew(namesByCommit: true)).Aligned.PinnedReference;
        pair.Aligned.Push("moved on");

        string second = Planner.Plan(pair.Recipe, session.Anew(namesByCommit: true)).Aligned.PinnedReference;

        Assert.EndsWith(pair.Aligned.Commit, second, StringComparison.Ordinal);
        Assert.NotEqual(first, second);
    }

    [Fact]
    public void Transfers_have_small_files_first_and_weights_in_the_order_of_the_parts_that_read_them()
    {
        pair.AddSparse("org/big-base", files: 2, tensorsOfFile: 1, elementsOfTensor: 20_000_000);
        pair.AddSparse("org/big-aligned", files: 2, tensorsOfFile: 1, elementsOfTensor: 20_000_000);
        HubSession session = pair.NewSession().Anew(namesByCommit: true);
        PlannedMerge merge = Planner.Plan(pair.Recipe with { Base = "hf:org/big-base", Aligned = "hf:org/big-aligned" }, session);

        ImmutableArray<JobTransfer> transfers = HubNeeds.Of(merge, session)!.TransfersOf(merge.Plan);

        string[] names = [.. transfers.Select(transfer => transfer.File.Commit.Repository["org/big-".Length..] + "/" + transfer.File.Path)];
        Assert.Equal(
            ["aligned/model-00001-of-00002.safetensors", "base/model-00001-of-00002.safetensors", "aligned/model-00002-of-00002.safetensors", "base/model-00002-of-00002.safetensors"],
            names[^4..]);
        Assert.Contains("aligned/config.json", names[..^4]);
        Assert.All(transfers, transfer => Assert.False(transfer.WasThere));
    }

    [Fact]
    public async Task A_file_that_is_there_is_not_asked_for()
    {
        (_, HubNeeds needs) = Plan();
        await FetchAsync(needs);
        Server.Forget();

        HubTransfer[] again = await FetchAsync(needs);

        Assert.Empty(Server.Exchanges);
        Assert.Equal(needs.Needed.Sum(file => file.ByteLength), again.Sum(transfer => transfer.BytesDone));
    }

    [Fact]
    public async Task Two_who_want_the_same_file_fetch_it_once()
    {
        (_, HubNeeds needs) = Plan();
        HubFile file = needs.Needed.MaxBy(file => file.ByteLength)!;
        Server.BytesPerSecond = 600_000;
        HubTransfer[] both = [new(pair.NewSession(), file), new(pair.NewSession(), file)];
        Server.Forget();

        await Task.WhenAll(both.Select(transfer => transfer.RunAsync(CancellationToken.None)));

        // Once, and what a connection lost when a busy machine kept it waiting too long.
        Assert.InRange(Server.BytesSent, file.ByteLength, (file.ByteLength * 3 / 2) - 1);
        Assert.All(both, transfer => Assert.True(transfer.Activity > 0));
        Assert.True(pair.NewSession().Cache.Has(file));
    }

    [Fact]
    public async Task What_a_cancelled_transfer_had_is_not_fetched_again()
    {
        pair.WithSmallModels(("model.safetensors", "big", 8_000_000));
        (_, HubNeeds needs) = Plan();
        HubFile file = needs.Needed.MaxBy(file => file.ByteLength)!;
        Server.Forget();
        Server.BytesPerSecond = 10_000_000;
        using var cancellation = new CancellationTokenSource();
        var first = new HubTransfer(pair.NewSession(), file);
        Task run = first.RunAsync(cancellation.Token);
        // What each connection has of a range that it has not finished is lost, and the server may count a buffer that it still sends.
        while (first.BytesDone < 12_000_000)
        {
            await Task.Delay(10);
        }

        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        Server.BytesPerSecond = null;
        long before = Server.BytesSent;

        await new HubTransfer(pair.NewSession(), file).RunAsync(CancellationToken.None);

        Assert.InRange(Server.BytesSent - before, 1, file.ByteLength - (4 << 20));
    }

    [Fact]
    public async Task What_has_the_files_name_but_not_its_length_is_replaced()
    {
        (_, HubNeeds needs) = Plan();
        HubCache cache = pair.NewSession().Cache;
        HubFile file = needs.Needed.First(file => file.Path == "tokenizer.json");
        Directory.CreateDirectory(Path.GetDirectoryName(cache.PlaceOf(file))!);
        await File.WriteAllTextAsync(cache.PlaceOf(file), "something else");
        Assert.Contains(file, Plan().Needs.Missing);

        await new HubTransfer(pair.NewSession(), file).RunAsync(CancellationToken.None);

        Assert.True(cache.Has(file));
        Assert.Equal("{}", await File.ReadAllTextAsync(cache.PlaceOf(file)));
    }

    [Fact]
    public async Task A_part_from_the_cache_has_the_bytes_of_the_same_part_from_the_Hub()
    {
        (PlannedMerge merge, HubNeeds needs) = Plan();
        await FetchAsync(needs);
        Server.Forget();
        HubSession session = pair.NewSession();
        using var cached = new InputFiles(merge.Plan, session.Client, session.Cache);

        byte[][] fromCache = [Fill(merge.Plan, cached, ReadMode.Mapped), Fill(merge.Plan, cached, ReadMode.Positioned)];

        Assert.Empty(Server.Exchanges);
        Assert.False(cached.HasRemote);
        using var remote = new InputFiles(merge.Plan, session.Client);
        Assert.All(fromCache, bytes => Assert.Equal(Fill(merge.Plan, remote, ReadMode.Positioned), bytes));
    }

    [Fact]
    public async Task An_input_that_somebody_removed_from_the_cache_is_missing_and_said_by_its_name()
    {
        (PlannedMerge merge, HubNeeds needs) = Plan();
        await FetchAsync(needs);
        HubSession session = pair.NewSession();
        HubFile lost = needs.Needed.First(file => file.Name == merge.Plan.Inputs[0].Path);
        File.Delete(session.Cache.Blob(lost.Commit.Repository, lost.Etag));
        using var cached = new InputFiles(merge.Plan, session.Client, session.Cache);

        HubException gone = Assert.Throws<HubException>(() => new PartExecutor(rate: null).Execute(Order(merge.Plan, cached, ReadMode.Mapped), []));

        PartOutcome.Failed failed = PartOutcome.Failed.From(gone);
        Assert.Equal((FailureKind.Missing, HubErrors.GoneFromTheCache, lost.Name), (failed.Kind, failed.Code, failed.Input));
    }

    [Fact]
    public async Task Side_files_are_published_from_the_cache_and_one_that_went_is_noticed_before()
    {
        (PlannedMerge merge, HubNeeds needs) = Plan();
        await FetchAsync(needs);
        HubCache cache = pair.NewSession().Cache;
        ImmutableArray<JobTransfer> transfers = needs.TransfersOf(merge.Plan);
        var sequence = new PublishSequence(OutputPaths.Of(pair.Scene.PathOf("out")), "job", cache);
        Assert.Empty(sequence.FindLost(merge.Plan, transfers));

        HubFile template = needs.Needed.First(file => file.Path.EndsWith("tool.jinja", StringComparison.Ordinal));
        File.Delete(cache.PlaceOf(template));

        Assert.Equal([template.Name], sequence.FindLost(merge.Plan, transfers).Select(index => transfers[index].Name));
    }

    [Fact]
    public void An_output_around_or_in_the_cache_is_refused()
    {
        (_, HubNeeds needs) = Plan();

        Assert.NotNull(needs.FindOverlap(OutputPaths.Of(pair.Scene.CacheDirectory)));
        Assert.NotNull(needs.FindOverlap(OutputPaths.Of(Path.Join(pair.Scene.CacheDirectory, "models--a"))));
        Assert.NotNull(needs.FindOverlap(OutputPaths.Of(Path.GetDirectoryName(pair.Scene.CacheDirectory)!)));
        Assert.Null(needs.FindOverlap(OutputPaths.Of(pair.Scene.CacheDirectory + "-beside")));
    }

    private static Comparer<HubFile> ByName { get; } = Comparer<HubFile>.Create((one, other) => string.CompareOrdinal(one.Name, other.Name));

    private (PlannedMerge Merge, HubNeeds Needs) Plan()
    {
        HubSession session = pair.NewSession().Anew(namesByCommit: true);
        PlannedMerge merge = Planner.Plan(pair.Recipe, session);
        return (merge, HubNeeds.Of(merge, session)!);
    }

    private async Task<HubTransfer[]> FetchAsync(HubNeeds needs)
    {
        HubTransfer[] transfers = [.. needs.Needed.Select(file => new HubTransfer(pair.NewSession(), file))];
        foreach (HubTransfer transfer in transfers)
        {
            await transfer.RunAsync(CancellationToken.None);
        }

        return transfers;
    }

    private static byte[] Fill(Plan plan, InputFiles inputs, ReadMode mode)
    {
        PartOrder order = Order(plan, inputs, mode);
        byte[] content = new byte[order.Part.ByteCount];
        new PartExecutor(rate: null).Fill(order, order.Part.Begin, content);
        return content;
    }

    private static PartOrder Order(Plan plan, InputFiles inputs, ReadMode mode) => new(
        "job",
        new Attempt(1, 1),
        Generation: 1,
        plan,
        PartGrid.Part(0, 0, plan.Files[0].ByteLength),
        [new PartTarget(0, 1, "")],
        inputs,
        mode,
        new WriteLease(TimeProvider.System, TimeSpan.FromMinutes(1)));
}
