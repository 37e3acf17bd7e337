using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Samples;
using ExpoCluster.TestHub;

namespace ExpoCluster.Core.Tests.Hub;

/// <summary>The published models as the Hub would offer them, in their formats and at their sizes.</summary>
public sealed class PublishedPairsAtTheHubTests : IAsyncLifetime
{
    private readonly HubPair pair = new();

    private HubServer Server => pair.Server;

    public static TheoryData<string> Names => [.. PublishedPair.All.Select(published => published.Name)];

    public Task InitializeAsync() => pair.InitializeAsync();

    public Task DisposeAsync() => pair.DisposeAsync();

    [Theory]
    [MemberData(nameof(Names))]
    public void At_true_size_a_pair_is_planned_from_a_few_megabytes(string name)
    {
        PublishedPair published = PublishedPair.Find(name)!;
        string baseDirectory = pair.Scene.PathOf("base");
        string alignedDirectory = pair.Scene.PathOf("aligned");
        PublishedSample.WriteOutline(baseDirectory, published.Base);
        PublishedSample.WriteOutline(alignedDirectory, published.Aligned);
        Server.Add(new TestRepository(published.Base.Repository).WithDirectory(baseDirectory, isHashed: false));
        Server.Add(new TestRepository(published.Aligned.Repository).WithDirectory(alignedDirectory, isHashed: false));

        Plan remote = Planner.Plan(
            pair.Recipe with { Base = "hf:" + published.Base.Repository, Aligned = "hf:" + published.Aligned.Repository }, pair.NewSession()).Plan;

        Assert.InRange(Server.BytesSent, 1, 20_000_000);
        Assert.InRange(Server.Exchanges.Count, 1, 200);
        Plan local = Planner.Plan(pair.Recipe with { Base = baseDirectory, Aligned = alignedDirectory }).Plan;
        Assert.Equal(local.Files.Select(file => (file.Name, file.ByteLength)), remote.Files.Select(file => (file.Name, file.ByteLength)));
        Assert.Equal(Sources(local), Sources(remote));
        Assert.Equal(local.Inputs.Select(input => input.HeaderDigest), remote.Inputs.Select(input => input.HeaderDigest));
    }

    [Theory]
    [InlineData("snorkel-mistral-pairrm")]
    [InlineData("tulu-2-dpo-13b")]
    [InlineData("zephyr-7b-alpha")]
    public void A_pair_of_either_format_is_read_from_the_Hub_as_from_disk(string name)
    {
        PublishedPair published = PublishedPair.Find(name)!;
        PublishedSample.WritePair(pair.Scene.PathOf("pair"), published, scale: 0.01, seed: 3);
        string baseDirectory = pair.Scene.PathOf("pair/base");
        string alignedDirectory = pair.Scene.PathOf("pair/aligned");
        Server.Add(new TestRepository("org/base").WithDirectory(baseDirectory));
        Server.Add(new TestRepository("org/aligned").WithDirectory(alignedDirectory));

        Plan remote = pair.Plan().Plan;

        Plan local = Planner.Plan(pair.Recipe with { Base = baseDirectory, Aligned = alignedDirectory }).Plan;
        for (int file = 0; file < local.Files.Length; file++)
        {
            Assert.Equal(Merge(local, file), Merge(remote, file));
        }
    }

    private static IEnumerable<(string, long, long?)> Sources(Plan plan) =>
        plan.Files.SelectMany(file => file.Tensors).Select(tensor => (tensor.Entry.Name, tensor.Sources[0].Offset, tensor.Sources.Skip(1).FirstOrDefault()?.Offset));

    private byte[] Merge(Plan plan, int file)
    {
        using var inputs = new InputFiles(plan, pair.NewSession().Client);
        var executor = new PartExecutor(rate: null);
        byte[] content = new byte[plan.Files[file].ByteLength];
        for (int part = 0; part < plan.Files[file].PartCount; part++)
        {
            PartRange range = PartGrid.Part(file, part, plan.Files[file].ByteLength);
            var order = new PartOrder(
                "job", new Attempt(1, 1), Generation: 1, plan, range, [new PartTarget(file, 1, "")], inputs, ReadMode.Positioned,
                new WriteLease(TimeProvider.System, TimeSpan.FromMinutes(1)));
            executor.Fill(order, range.Begin, content.AsSpan((int)range.Begin, (int)(range.End - range.Begin)));
        }

        return content;
    }
}
