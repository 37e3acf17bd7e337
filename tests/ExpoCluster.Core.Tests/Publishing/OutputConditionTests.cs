using System.Diagnostics;
using System.Text.Json.Nodes;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Tests.Publishing;

public sealed class OutputConditionTests : IDisposable
{
    private readonly SmallPair pair = new(("model.safetensors", "t", 10));
    private readonly PlannedMerge merge;

    public OutputConditionTests()
    {
        File.WriteAllText(Path.Join(pair.Aligned, "tokenizer.json"), "{}");
        merge = pair.Plan();
        Directory.CreateDirectory(pair.Output.Root);
    }

    public void Dispose() => pair.Dispose();

    [Theory]
    [InlineData("README.md")]
    [InlineData("tokenizer.json")]
    [InlineData("expocluster.json.txt", OutputCondition.Free)]
    [InlineData("LICENSE", OutputCondition.Free)]
    [InlineData("notes.txt", OutputCondition.Free)]
    [InlineData("model.gguf")]
    public void What_the_merge_would_replace_is_not_free(string name, OutputCondition expected = OutputCondition.ForeignModel)
    {
        // Aligned has a tokenizer but no licence: only the one would be replaced.
        File.WriteAllText(pair.Output.Published(name), "mine");

        Assert.Equal(expected, OutputPreflight.Inspect(pair.Output, merge.Plan));
    }

    [Fact]
    public void A_whole_output_of_this_plan_is_finished() => Assert.Equal(OutputCondition.Finished, Inspect(Publish(merge.Plan.Digest)));

    [Fact]
    public void A_whole_output_of_another_plan_is_told_apart() => Assert.Equal(OutputCondition.OtherPlan, Inspect(Publish("0ther")));

    [Fact]
    public void Without_one_of_its_side_files_it_is_not_finished()
    {
        Publish(merge.Plan.Digest);
        File.Delete(pair.Output.Published("config.json"));

        Assert.NotEqual(OutputCondition.Finished, Inspect(0));
    }

    [Fact]
    public void With_a_shorter_weights_file_it_is_not_finished()
    {
        Publish(merge.Plan.Digest);
        File.WriteAllText(pair.Output.Published("model.safetensors"), "short");

        Assert.Equal(OutputCondition.ForeignModel, Inspect(0));
    }

    [Theory]
    [InlineData(OutputCondition.ForeignModel, "another model", false)]
    [InlineData(OutputCondition.OtherPlan, "another merge", true)]
    public void The_refusal_says_what_is_there_and_what_helps(OutputCondition condition, string what, bool restartHelps)
    {
        var problem = OutputPreflight.Taken(pair.Output, condition);

        Assert.Equal(("EXPO2082", "--out"), (problem.Code, problem.Path));
        Assert.Contains(what, problem.Message, StringComparison.Ordinal);
        Assert.Contains("--overwrite", problem.Advice, StringComparison.Ordinal);
        Assert.Equal(restartHelps, problem.Advice.Contains("--restart", StringComparison.Ordinal));
    }

    [Fact]
    public void An_output_that_is_an_input_through_a_link_of_its_parent_overlaps()
    {
        Directory.CreateSymbolicLink(Path.Join(pair.Root, "elsewhere"), pair.Root);

        Assert.Equal("EXPO2081", OutputPreflight.FindOverlap(OutputPaths.Of(Path.Join(pair.Root, "elsewhere", "base", "new")), [merge.Base])!.Code);
        Assert.NotNull(OutputPreflight.FindOverlap(OutputPaths.Of(Path.Join(pair.Root, "elsewhere")), [merge.Base]));
    }

    [Fact]
    public void An_output_that_holds_the_files_which_a_snapshot_links_to_overlaps()
    {
        string blobs = Path.Join(pair.Root, "blobs");
        string snapshot = Path.Join(pair.Root, "snapshot");
        Directory.CreateDirectory(blobs);
        Directory.CreateDirectory(snapshot);
        File.Move(Path.Join(pair.Base, "model.safetensors"), Path.Join(blobs, "abc"));
        File.CreateSymbolicLink(Path.Join(snapshot, "model.safetensors"), Path.Join(blobs, "abc"));
        PlannedMerge linked = Planner.Plan(pair.Recipe with { Base = snapshot });

        Assert.NotNull(OutputPreflight.FindOverlap(OutputPaths.Of(blobs), [linked.Base]));
        Assert.Null(OutputPreflight.FindOverlap(OutputPaths.Of(Path.Join(pair.Root, "blobs2")), [linked.Base]));
    }

    [Fact]
    public void A_bare_weights_file_overlaps_with_the_directory_it_is_in_and_with_nothing_beside_it()
    {
        PlannedMerge bare = Planner.Plan(pair.Recipe with { Base = Path.Join(pair.Base, "model.safetensors") });

        Assert.NotNull(OutputPreflight.FindOverlap(OutputPaths.Of(pair.Base), [bare.Base]));
        Assert.Null(OutputPreflight.FindOverlap(OutputPaths.Of(Path.Join(pair.Base, "below")), [bare.Base]));
    }

    [Fact]
    public void A_hard_link_to_an_input_in_the_output_is_no_overlap_for_it_is_renamed_over_and_never_written()
    {
        using (Process link = Process.Start("ln", [Path.Join(pair.Base, "model.safetensors"), pair.Output.Published("model.safetensors")]))
        {
            link.WaitForExit();
        }

        Assert.Null(OutputPreflight.FindOverlap(pair.Output, [merge.Base]));
        Assert.Equal(OutputCondition.ForeignModel, Inspect(0));
    }

    private OutputCondition Inspect(int _) => OutputPreflight.Inspect(pair.Output, merge.Plan);

    private int Publish(string planDigest)
    {
        File.WriteAllText(pair.Output.Published("config.json"), "{}");
        File.WriteAllText(pair.Output.Published("model.safetensors"), "weights");
        var record = new Provenance
        {
            Tool = "test", PlanDigest = planDigest, NumericsVersion = 1, BlockBytes = 4 << 20, Recipe = new JsonObject(), Inputs = [],
            Files = [new ProvenanceFile("model.safetensors", 7, "d", [])], Published = ["config.json", "model.safetensors"],
        };
        File.WriteAllBytes(pair.Output.Provenance, record.ToJson());
        return 0;
    }
}
