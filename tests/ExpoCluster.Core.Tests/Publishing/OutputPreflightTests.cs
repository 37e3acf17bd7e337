using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Storage;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;

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

    [Fact]
    public void Everything_that_is_published_counts_and_not_the_weights_alone()
    {
        var bare = OutputNeeds.Of(pair.Plan());
        using (FileStream tokenizer = File.Create(Path.Join(pair.Aligned, "tokenizer.json")))
        {
            tokenizer.SetLength(100_000_000);
        }

        var merge = pair.Plan();
        var needs = OutputNeeds.Of(merge);
        var swept = OutputNeeds.Of(Planner.Plan(pair.Recipe with { Sweep = [0.1, 0.2, 0.3] }));

        Assert.Equal(merge.Plan.OutputByteCount + OutputPreflight.WorkspaceBytes, bare.Bytes);
        Assert.InRange(needs.Bytes - merge.Plan.OutputByteCount, 100_000_000, 102_000_000);
        Assert.InRange(swept.BesideBytes, 300_000_000, 301_000_000);
        Assert.Equal(bare.Inodes + 1, needs.Inodes);
        Assert.True(swept.Inodes > needs.Inodes);
        StorageException refused = Assert.Throws<StorageException>(() => OutputPreflight.CheckStorage(
            pair.Output, needs, alreadyReserved: needs.Bytes - 1 - FileSystemFacts.Of(pair.Root).FreeBytes - (1L << 40)));
        Assert.Equal("EXPO4001", refused.Code);
    }

    [Fact]
    public void Too_few_inodes_are_named()
    {
        if (FileSystemFacts.Of(pair.Root).FreeInodes is null)
        {
            return;
        }

        StorageException refused = Assert.Throws<StorageException>(
            () => OutputPreflight.CheckInodes(pair.Output, new OutputNeeds(0, 0, 0, Inodes: long.MaxValue)));

        Assert.Equal("EXPO4001", refused.Code);
        Assert.Contains("inodes", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("other/.expocluster", "EXPO2095")]
    [InlineData("other/.expocluster/job-1", "EXPO2095")]
    [InlineData("link/job-1", "EXPO2095")]
    [InlineData("cache", "EXPO2096")]
    [InlineData("cache/models--a--b/merged", "EXPO2096")]
    [InlineData("models--a--b/snapshots/merged", "EXPO2096")]
    [InlineData("models--a--b", null)]
    [InlineData("other/expocluster", null)]
    [InlineData("cache2", null)]
    public void An_output_among_other_outputs_work_or_in_the_Hubs_cache_is_misplaced(string relative, string? code)
    {
        Directory.CreateDirectory(Path.Join(pair.Root, "other", ".expocluster"));
        Directory.CreateSymbolicLink(Path.Join(pair.Root, "link"), Path.Join(pair.Root, "other", ".expocluster"));

        Assert.Equal(code, OutputPreflight.FindMisplaced(OutputPaths.Of(Path.Join(pair.Root, relative)), Path.Join(pair.Root, "cache"))?.Code);
    }

    [Theory]
    [InlineData("o\uFFFD")]
    [InlineData("o\uD83D/x")]
    [InlineData("o\uDE00")]
    public void An_output_whose_name_is_no_UTF_8_is_refused(string name) =>
        Assert.Equal("EXPO2097", Assert.Throws<UsageException>(() => OutputPaths.Of(Path.Join(pair.Root, name))).Code);

    [Fact]
    public void Any_other_name_is_taken_as_it_is() => Assert.Equal(Path.Join(pair.Root, "größe-😀"), OutputPaths.Of(Path.Join(pair.Root, "größe-😀")).Root);
}
