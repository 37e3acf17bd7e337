using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Planning;
using ExpoCluster.TestHub;

namespace ExpoCluster.Core.Tests.Hub;

/// <summary>Opening and planning models that are at the Hub, in the cache, or both.</summary>
public sealed class HubPlanTests : IAsyncLifetime
{
    private readonly HubPair pair = new();

    private HubServer Server => pair.Server;

    public Task InitializeAsync() => pair.InitializeAsync();

    public Task DisposeAsync() => pair.DisposeAsync();

    [Fact]
    public void A_model_at_the_Hub_is_planned_from_its_headers_and_nothing_is_kept()
    {
        pair.WithSmallModels();

        PlannedMerge merge = pair.Plan();

        Assert.Equal(
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"], merge.Plan.Files.Select(file => file.Name));
        Assert.All(merge.Plan.Inputs, input => Assert.Equal((true, 0L), (input.IsRemote, input.ModifiedUnixNanoseconds)));
        Assert.Equal($"hf:org/aligned@{pair.Aligned.Commit}/model-00001-of-00002.safetensors", merge.Plan.Inputs[0].Path);
        Assert.Equal($"hf:org/aligned@{pair.Aligned.Commit}", merge.Plan.SideFileDirectory);
        Assert.Equal($"hf:org/base@{pair.Base.Commit}", merge.Base.PinnedReference);
        Assert.False(Directory.Exists(pair.Scene.CacheDirectory));
        Assert.Equal(4, Server.Count(Place.Storage));
    }

    [Fact]
    public void Tokenizers_at_the_Hub_are_compared_and_what_is_the_same_is_not_read()
    {
        pair.WithSmallModels(("model.safetensors", "model.embed_tokens.weight", 1_000));
        pair.Base.With("tokenizer.json", TestFile.Of("{}"));
        pair.Plan();
        int asked = Server.Count(Place.Content);
        pair.Base.With("tokenizer.json", TestFile.Of("""{"model": {"vocab": {"a": 0, "b": 1}}}"""));
        pair.Aligned.With("tokenizer.json", TestFile.Of("""{"model": {"vocab": {"a": 0, "x": 1}}}"""));

        Assert.Equal("EXPO1223", Assert.Single(pair.Plan().Warnings).Code);
        Assert.Equal((2 * asked) + 2, Server.Count(Place.Content));
    }

    [Fact]
    public void The_plan_is_the_one_of_the_same_files_on_disk()
    {
        pair.WithSmallModels();
        PlannedMerge remote = pair.Plan();
        pair.Cache(pair.Base);
        pair.Cache(pair.Aligned);

        PlannedMerge local = pair.Plan();

        Assert.Equal(local.Plan.Files.Select(file => (file.Name, file.ByteLength)), remote.Plan.Files.Select(file => (file.Name, file.ByteLength)));
        Assert.Equal(local.Plan.Inputs.Select(input => (input.ByteLength, input.HeaderDigest)), remote.Plan.Inputs.Select(input => (input.ByteLength, input.HeaderDigest)));
        Assert.All(local.Plan.Inputs, input => Assert.StartsWith(pair.Scene.CacheDirectory, input.Path, StringComparison.Ordinal));
        Assert.Equal(local.Plan.Digest, Planner.Plan(pair.Recipe with
        {
            Base = Path.Join(pair.Scene.CacheDirectory, "models--org--base", "snapshots", pair.Base.Commit),
            Aligned = Path.Join(pair.Scene.CacheDirectory, "models--org--aligned", "snapshots", pair.Aligned.Commit),
        }).Plan.Digest);
    }

    [Fact]
    public void A_pair_of_140_GB_each_is_planned_from_a_few_megabytes()
    {
        pair.AddSparse("org/base", files: 15, tensorsOfFile: 48, elementsOfTensor: 97_000_000);
        pair.AddSparse("org/aligned", files: 15, tensorsOfFile: 48, elementsOfTensor: 97_000_000);

        PlannedMerge merge = pair.Plan();

        Assert.InRange(merge.Plan.OutputByteCount, 139_000_000_000, 140_000_000_000);
        Assert.InRange(Server.BytesSent, 1, 20_000_000);
        Assert.Equal(30, Server.Count(Place.Storage));
    }

    [Fact]
    public void A_header_beyond_the_first_read_costs_one_request_more()
    {
        pair.AddSparse("org/base", files: 1, tensorsOfFile: 3_000, elementsOfTensor: 10);
        Server.Forget();

        var checkpoint = Checkpoint.Open("hf:org/base", pair.NewSession());

        Assert.Equal(3_000, checkpoint.Tensors.Count);
        Assert.Equal(2, Server.Count(Place.Storage));
    }

    [Fact]
    public void A_commit_that_is_in_the_cache_asks_nobody()
    {
        pair.WithSmallModels();
        pair.Cache(pair.Base);
        Server.Forget();

        var checkpoint = Checkpoint.Open($"hf:org/base@{pair.Base.Commit}", pair.NewSession());

        Assert.Equal(2, checkpoint.Tensors.Count);
        Assert.Empty(Server.Exchanges);
    }

    [Fact]
    public void A_commit_that_is_half_in_the_cache_is_read_from_both()
    {
        pair.WithSmallModels();
        pair.Cache(pair.Base, path => path != "model-00002-of-00002.safetensors");

        var checkpoint = Checkpoint.Open($"hf:org/base@{pair.Base.Commit}", pair.NewSession());

        Assert.Equal([false, true], checkpoint.Shards.Select(shard => shard.IsRemote));
    }

    [Fact]
    public void A_branch_is_asked_for_although_an_older_commit_is_cached()
    {
        pair.WithSmallModels();
        pair.Cache(pair.Base);
        string older = pair.Base.Commit;
        pair.Base.Push("newer");

        Assert.NotEqual(older, pair.Base.Commit);
        Assert.Equal($"hf:org/base@{pair.Base.Commit}", Checkpoint.Open("hf:org/base", pair.NewSession()).PinnedReference);
        Assert.Equal($"hf:org/base@{older}", Checkpoint.Open("hf:org/base", pair.NewSession(("HF_HUB_OFFLINE", "1"))).PinnedReference);
    }

    [Fact]
    public void A_reference_means_one_commit_for_a_whole_run()
    {
        pair.WithSmallModels();
        HubSession session = pair.NewSession();
        string before = Checkpoint.Open("hf:org/base", session).PinnedReference;
        pair.Base.Push("in between");

        Assert.Equal(before, Checkpoint.Open("hf:org/base", session).PinnedReference);
        Assert.NotEqual(before, Checkpoint.Open("hf:org/base", pair.NewSession()).PinnedReference);
    }

    [Theory]
    [InlineData(500)]
    [InlineData(401)]
    [InlineData(403)]
    [InlineData(429)]
    public void A_Hub_that_does_not_answer_leaves_the_cached_commit_with_a_note(int status)
    {
        pair.WithSmallModels();
        pair.Cache(pair.Base);
        Server.Add(Fault.Status(Place.Revision, status) with { Times = 100 });

        var checkpoint = Checkpoint.Open("hf:org/base", pair.NewSession());

        Assert.Contains(checkpoint.Notes, note => note.Contains(pair.Base.Commit[..12], StringComparison.Ordinal));
        Assert.Empty(pair.Scene.Clock.Waits);
    }

    [Fact]
    public void A_revision_that_is_gone_is_never_taken_from_the_cache()
    {
        pair.WithSmallModels();
        pair.Cache(pair.Base);
        pair.Base.Refs.Clear();

        HubException refusal = Assert.Throws<HubException>(() => Checkpoint.Open("hf:org/base", pair.NewSession()));

        Assert.Equal(HubErrors.RevisionMissing, refusal.Code);
    }

    [Fact]
    public void Offline_what_is_not_cached_is_an_error_that_names_the_cache()
    {
        pair.WithSmallModels();

        HubException refusal = Assert.Throws<HubException>(() => pair.Plan(("HF_HUB_OFFLINE", "1")));

        Assert.Equal(HubErrors.NotCached, refusal.Code);
        Assert.Contains(pair.Scene.CacheDirectory, refusal.Message, StringComparison.Ordinal);
        Assert.Empty(Server.Exchanges);
    }

    [Fact]
    public void Offline_a_half_cached_model_is_an_error()
    {
        pair.WithSmallModels();
        pair.Cache(pair.Base, path => path != "model-00002-of-00002.safetensors");

        HubException refusal = Assert.Throws<HubException>(() => Checkpoint.Open("hf:org/base", pair.NewSession(("HF_HUB_OFFLINE", "1"))));

        Assert.Equal(HubErrors.NotCached, refusal.Code);
    }

    [Fact]
    public void A_model_without_weights_is_an_error_that_names_the_commit()
    {
        TestRepository empty = Server.Add(new TestRepository("org/empty").With("config.json", TestFile.Of("{}")));

        CheckpointException refusal = Assert.Throws<CheckpointException>(() => Checkpoint.Open("hf:org/empty", pair.NewSession()));

        Assert.Contains($"hf:org/empty@{empty.Commit}", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_the_index_names_and_the_commit_lacks_is_an_error()
    {
        pair.WithSmallModels();
        pair.Base.Files.Remove("model-00002-of-00002.safetensors");

        CheckpointException refusal = Assert.Throws<CheckpointException>(() => Checkpoint.Open("hf:org/base", pair.NewSession()));

        Assert.Contains("model-00002-of-00002.safetensors", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Copied_tensors_are_compared_across_the_net()
    {
        pair.WithSmallModels();
        pair.AddSparse("org/base", files: 1, tensorsOfFile: 2, elementsOfTensor: 10);
        using var place = new TemporaryDirectory();
        place.Write("one/model.safetensors", ("ids", Tensors.Dtypes.Dtype.I64, [100], 1), ("w", Tensors.Dtypes.Dtype.F32, [10], 1));
        place.Write("two/model.safetensors", ("ids", Tensors.Dtypes.Dtype.I64, [100], 2), ("w", Tensors.Dtypes.Dtype.F32, [10], 1));
        Server.Add(new TestRepository("org/base").WithDirectory(place.PathOf("one")));
        Server.Add(new TestRepository("org/aligned").WithDirectory(place.PathOf("one")));
        Server.Add(new TestRepository("org/other").WithDirectory(place.PathOf("two")));

        Assert.Equal(2, pair.Plan().Plan.Files[0].Tensors.Length);
        Assert.Throws<PlanningException>(() => Planner.Plan(pair.Recipe with { Aligned = "hf:org/other" }, pair.NewSession()));
    }

    [Fact]
    public void A_broken_configuration_is_found_while_planning()
    {
        pair.WithSmallModels();
        pair.Aligned.With("config.json", TestFile.Of("[]"));

        Assert.Throws<CheckpointException>(() => pair.Plan());
    }
}
