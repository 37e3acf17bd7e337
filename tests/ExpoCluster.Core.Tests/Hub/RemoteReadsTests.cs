using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.TestHub;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Hub;

/// <summary>Parts whose inputs are read straight from the Hub.</summary>
public sealed class RemoteReadsTests : IAsyncLifetime
{
    private readonly HubPair pair = new();

    private HubServer Server => pair.Server;

    public Task InitializeAsync() => pair.InitializeAsync();

    public Task DisposeAsync() => pair.DisposeAsync();

    [Fact]
    public void A_part_from_the_Hub_has_the_bytes_of_the_same_part_from_disk()
    {
        pair.WithSmallModels(("model.safetensors", "a", 1_000_003), ("model.safetensors", "b", 7), ("model.safetensors", "c", 600_001));
        Plan remote = pair.Plan().Plan;
        Server.Forget();

        byte[] fromHub = Merge(remote, out long bytesRead);

        pair.Cache(pair.Base);
        pair.Cache(pair.Aligned);
        Assert.Equal(Merge(pair.Plan().Plan, out _), fromHub);
        Assert.Equal(2, Server.Count(Place.Storage));
        Assert.Equal(bytesRead, Server.BytesSent);
    }

    [Fact]
    public void Broken_connections_leave_no_trace()
    {
        pair.WithSmallModels(("model.safetensors", "a", 900_000));
        Plan remote = pair.Plan().Plan;
        byte[] undisturbed = Merge(remote, out _);
        Server.Add(Fault.Drops(Place.Storage, afterBytes: 300_000) with { Times = 6 });

        Assert.Equal(undisturbed, Merge(remote, out _));
    }

    [Fact]
    public void Elements_of_other_widths_and_odd_offsets_are_read_whole()
    {
        using var place = new TemporaryDirectory();
        place.Write("base/model.safetensors", ("odd", Dtype.U8, [3], 1), ("x", Dtype.F64, [200_001], 1), ("y", Dtype.F16, [5_001], 2));
        place.Write("aligned/model.safetensors", ("odd", Dtype.U8, [3], 1), ("x", Dtype.BF16, [200_001], 3), ("y", Dtype.F32, [5_001], 4));
        Server.Add(new TestRepository("org/base").WithDirectory(place.PathOf("base")));
        Server.Add(new TestRepository("org/aligned").WithDirectory(place.PathOf("aligned")));
        Plan remote = pair.Plan().Plan;
        Plan local = Planner.Plan(pair.Recipe with { Base = place.PathOf("base"), Aligned = place.PathOf("aligned") }).Plan;

        Assert.Equal(Merge(local, out _), Merge(remote, out _));
    }

    [Fact]
    public void A_base_of_fewer_rows_is_read_as_far_as_it_goes()
    {
        using var place = new TemporaryDirectory();
        place.Write("base/model.safetensors", ("embed", Dtype.BF16, [100, 1_000], 1), ("next", Dtype.BF16, [50], 2));
        place.Write("aligned/model.safetensors", ("embed", Dtype.BF16, [120, 1_000], 3), ("next", Dtype.BF16, [50], 4));
        Server.Add(new TestRepository("org/base").WithDirectory(place.PathOf("base")));
        Server.Add(new TestRepository("org/aligned").WithDirectory(place.PathOf("aligned")));
        Recipe recipe = pair.Recipe with { OnMismatch = MismatchPolicy.ExtrapolateCommonRows };
        Plan remote = Planner.Plan(recipe, pair.NewSession()).Plan;
        Plan local = Planner.Plan(recipe with { Base = place.PathOf("base"), Aligned = place.PathOf("aligned") }).Plan;
        Server.Forget();

        byte[] fromHub = Merge(remote, out long bytesRead);

        Assert.Equal(Merge(local, out _), fromHub);
        Assert.Equal(bytesRead, Server.BytesSent);
    }

    [Fact]
    public void A_part_whose_lease_ends_while_the_net_is_silent_is_abandoned()
    {
        pair.WithSmallModels(("model.safetensors", "a", 900_000));
        Plan remote = pair.Plan().Plan;
        Server.Add(Fault.Stalls(Place.Storage, afterBytes: 10) with { Times = 100 });
        using var inputs = new InputFiles(remote, pair.NewSession(("HF_HUB_DOWNLOAD_TIMEOUT", "60")).Client);
        PartOrder order = Order(remote, 0, inputs, new WriteLease(TimeProvider.System, TimeSpan.FromMilliseconds(400)));

        Assert.IsType<PartOutcome.Abandoned>(new PartExecutor(rate: null).Execute(order, []));
    }

    [Fact]
    public void An_outage_lets_the_job_rest_and_a_refusal_ends_it()
    {
        PartOutcome.Failed outage = PartOutcome.Failed.From(new HubException(HubErrors.Unreachable, "hf:org/name", "away", "wait"));
        PartOutcome.Failed refusal = PartOutcome.Failed.From(new HubException(HubErrors.Gated, "hf:org/name", "gated", "ask"));

        Assert.Equal((FailureKind.Storage, HubErrors.Unreachable), (outage.Kind, outage.Code));
        Assert.Equal(FailureKind.Input, refusal.Kind);
    }

    [Fact]
    public async Task Side_files_of_a_model_that_is_not_kept_come_into_the_workspace()
    {
        pair.WithSmallModels();
        PlannedMerge merge = pair.Plan();
        OutputPaths paths = OutputPaths.Of(pair.Scene.PathOf("out"));

        await HubSideFiles.BringAsync(merge.Aligned, paths, CancellationToken.None);

        Assert.Equal("{}", await File.ReadAllTextAsync(Path.Join(paths.RemoteSideFiles, "tokenizer.json")));
        Assert.True(File.Exists(Path.Join(paths.RemoteSideFiles, "additional_chat_templates", "tool.jinja")));
        Assert.False(Directory.Exists(pair.Scene.CacheDirectory));
    }

    private byte[] Merge(Plan plan, out long bytesRead)
    {
        using var inputs = new InputFiles(plan, pair.NewSession().Client);
        var executor = new PartExecutor(rate: null);
        PlannedFile file = plan.Files[0];
        byte[] content = new byte[file.ByteLength];
        bytesRead = 0;
        for (int part = 0; part < file.PartCount; part++)
        {
            PartOrder order = Order(plan, part, inputs, new WriteLease(TimeProvider.System, TimeSpan.FromMinutes(1)));
            executor.Fill(order, order.Part.Begin, content.AsSpan((int)order.Part.Begin, (int)(order.Part.End - order.Part.Begin)));
        }

        bytesRead = plan.InputByteCount;
        return content;
    }

    private static PartOrder Order(Plan plan, int part, InputFiles inputs, WriteLease lease) => new(
        "job",
        new Attempt(1, 1),
        Generation: 1,
        plan,
        PartGrid.Part(0, part, plan.Files[0].ByteLength),
        [new PartTarget(0, 1, "")],
        inputs,
        ReadMode.Positioned,
        lease);
}
