using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Storage;
using ExpoCluster.Core.Planning;

namespace ExpoCluster.Core.Tests.Publishing;

public sealed class OutputPreflightTests : IDisposable
{
    private readonly SmallPair pair = new(("model.safetensors", "t", 10));

    public void Dispose() => pair.Dispose();

    [Theory]
    [InlineData("base", true)]
    [InlineData("aligned/deep/inside", true)]
    [InlineData("", true)]
    [InlineData("base/../aligned", true)]
    [InlineData("base2", false)]
    [InlineData("out", false)]
    public void Overlap_is_seen_by_place(string relative, bool overlaps)
    {
        PlannedMerge merge = pair.Plan();

        bool found = OutputPreflight.FindOverlap(OutputPaths.Of(Path.Join(pair.Root, relative)), [merge.Base, merge.Aligned]) is not null;

        Assert.Equal(overlaps, found);
    }

    [Fact]
    public void Overlap_is_seen_through_links_on_both_sides()
    {
        Directory.CreateSymbolicLink(Path.Join(pair.Root, "link"), pair.Base);
        PlannedMerge merge = Planner.Plan(pair.Recipe with { Base = Path.Join(pair.Root, "link") });

        Assert.NotNull(OutputPreflight.FindOverlap(OutputPaths.Of(pair.Base), [merge.Base]));
        Assert.NotNull(OutputPreflight.FindOverlap(OutputPaths.Of(Path.Join(pair.Root, "link", "sub")), [merge.Base]));
    }

    [Fact]
    public void An_empty_or_missing_directory_is_free()
    {
        Assert.Equal(OutputCondition.Free, OutputPreflight.Inspect(pair.Output, pair.Plan().Plan));
        Directory.CreateDirectory(pair.Output.Root);
        File.WriteAllText(pair.Output.Published("notes.md"), "mine");
        Assert.Equal(OutputCondition.Free, OutputPreflight.Inspect(pair.Output, pair.Plan().Plan));
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("pytorch_model-00001-of-00002.bin")]
    [InlineData("config.json")]
    public void A_file_of_a_model_makes_it_foreign(string name)
    {
        Directory.CreateDirectory(pair.Output.Root);
        File.WriteAllText(pair.Output.Published(name), "x");

        Assert.Equal(OutputCondition.ForeignModel, OutputPreflight.Inspect(pair.Output, pair.Plan().Plan));
    }

    [Fact]
    public void More_than_the_free_space_is_refused()
    {
        Plan plan = pair.Plan().Plan;
        OutputPreflight.CheckStorage(pair.Output, plan, alreadyReserved: 0);

        StorageException exception = Assert.Throws<StorageException>(
            () => OutputPreflight.CheckStorage(pair.Output, plan, alreadyReserved: -(1L << 60)));

        Assert.Equal("EXPO4001", exception.Code);
    }
}
