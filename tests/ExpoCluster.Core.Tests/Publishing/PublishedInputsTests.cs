using System.Collections.Immutable;
using System.Text;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Publishing;

/// <summary>A record goes out with the model, so it tells nothing of the directories of whoever made it.</summary>
public sealed class PublishedInputsTests : IDisposable
{
    private const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Theory]
    [InlineData("secret-home/sft", "secret-home/dpo", "sft", "dpo", "model.safetensors", "model.safetensors")]
    [InlineData("secret-home/sft/model.safetensors", "secret-home/dpo", "model.safetensors", "dpo", "model.safetensors", "model.safetensors")]
    [InlineData("secret-home/linked", "secret-home/dpo", "linked", "dpo", "model.safetensors", "model.safetensors")]
    [InlineData("secret-home/models--org--sft/snapshots/" + Commit, "secret-home/dpo", "hf:org/sft@" + Commit, "dpo", "model.safetensors", "model.safetensors")]
    public void Files_are_named_in_their_checkpoint_and_checkpoints_as_the_world_knows_them(
        string baseReference, string alignedReference, string baseName, string alignedName, string baseFile, string alignedFile)
    {
        WriteCheckpoints();
        Recipe recipe = new() { Base = place.PathOf(baseReference), Aligned = place.PathOf(alignedReference), Alpha = 0.5, Output = place.PathOf("secret-home/out") };

        Provenance record = RecordOf(recipe);

        Assert.Equal([(alignedName, alignedFile), (baseName, baseFile)], record.Inputs.Select(input => (input.Checkpoint, input.Path)));
        Assert.Equal((baseName, alignedName), ((string?)record.Recipe["base"], (string?)record.Recipe["aligned"]));
        string json = Encoding.UTF8.GetString(record.ToJson());
        Assert.DoesNotContain("secret-home", json, StringComparison.Ordinal);
        Assert.DoesNotContain(place.Path, json, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_aligned_of_which_nothing_is_in_the_output_is_still_aligneds()
    {
        place.Write("sft/model.safetensors", [("w", Dtype.F32, [4], 1)]);
        place.Write("dpo/model-00001-of-00002.safetensors", [("w", Dtype.F32, [4], 1)]);
        place.Write("dpo/model-00002-of-00002.safetensors", [("z", Dtype.F32, [4], 1)]);
        place.WriteIndex("dpo", ("w", "model-00001-of-00002.safetensors"), ("z", "model-00002-of-00002.safetensors"));
        Recipe recipe = new()
        {
            Base = place.PathOf("sft"), Aligned = place.PathOf("dpo"), Alpha = 0.5,
            OnMismatch = new MismatchRule.ByPattern(new TensorPatterns<MismatchPolicy>([new TensorPattern<MismatchPolicy>("z", MismatchPolicy.Drop)])),
        };
        Plan plan = Planner.Plan(recipe).Plan;

        Assert.Equal(["dpo", "dpo", "sft"], RecordOf(recipe).Inputs.Select(input => input.Checkpoint));
        Assert.Equal((2, plan.Digest), (PlanJson.Read(plan.CanonicalJson).AlignedInputs, PlanJson.Read(plan.CanonicalJson).Digest));
        Assert.DoesNotContain("aligned_inputs", Encoding.UTF8.GetString(Planner.Plan(recipe with { Aligned = place.PathOf("sft") }).Plan.CanonicalJson.Span), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_a_link_leads_to_has_the_name_of_the_link()
    {
        place.Write("secret-disk/blob-17", [("w", Dtype.F32, [4], 1)]);
        Directory.CreateDirectory(place.PathOf("sft"));
        File.CreateSymbolicLink(place.PathOf("sft", "model.safetensors"), place.PathOf("secret-disk", "blob-17"));
        place.Write("dpo/model.safetensors", [("w", Dtype.F32, [4], 2)]);

        Provenance record = RecordOf(new Recipe { Base = place.PathOf("sft"), Aligned = place.PathOf("dpo"), Alpha = 0.5 });

        Assert.Equal(["model.safetensors", "model.safetensors"], record.Inputs.Select(input => input.Path));
    }

    [Fact]
    public void A_model_of_the_Hub_that_was_read_from_the_cache_is_named_by_the_file_of_its_snapshot()
    {
        WriteCheckpoints();
        string blob = RealPath.Of(place.PathOf("secret-home/models--org--sft/blobs/b1ob"));
        Plan plan = Planner.Plan(new Recipe { Base = place.PathOf("secret-home/models--org--sft/snapshots", Commit), Aligned = place.PathOf("secret-home/dpo"), Alpha = 0.5 }).Plan;
        Assert.Contains(plan.Inputs, input => input.Path == blob);

        ImmutableArray<ProvenanceInput> named = new PublishedInputs(plan, new Recipe { Base = "hf:org/sft@" + Commit, Aligned = place.PathOf("secret-home/dpo"), Alpha = 0.5 }).All;

        Assert.Equal(("hf:org/sft@" + Commit, "model.safetensors"), (named[1].Checkpoint, named[1].Path));
        ImmutableArray<ProvenanceInput> withKey = new PublishedInputs(plan, new Recipe { Base = $"hf:org/sft@{Commit}#state", Aligned = place.PathOf("secret-home/dpo"), Alpha = 0.5 }).All;
        Assert.Equal("model.safetensors", withKey[1].Path);
    }

    [Fact]
    public void A_file_that_is_read_from_the_Hub_keeps_the_name_that_everybody_can_use()
    {
        string file = $"hf:org/sft@{Commit}/model.safetensors";
        var plan = new Plan(1, "expo", Tensors.Kernels.Numerics.Exact, [new PlanInput(file, 8, 0, "h")], null, [new PlannedFile("model.safetensors", [])]);

        ProvenanceInput input = Assert.Single(new PublishedInputs(plan, new Recipe { Base = "hf:org/sft@" + Commit, Aligned = "dpo", Alpha = 0.5 }).All);

        Assert.Equal((file, "hf:org/sft@" + Commit), (input.Path, input.Checkpoint));
        Assert.True(HubReference.Matches(input.Path));
    }

    [Fact]
    public void Without_the_directory_the_name_of_the_file_itself_is_told()
    {
        WriteCheckpoints();
        Recipe recipe = new() { Base = place.PathOf("secret-home/sft"), Aligned = place.PathOf("secret-home/dpo"), Alpha = 0.5 };
        Plan plan = Planner.Plan(recipe).Plan;
        Directory.Delete(place.PathOf("secret-home"), recursive: true);

        Assert.All(new PublishedInputs(plan, recipe).All, input => Assert.Equal("model.safetensors", input.Path));
    }

    [Fact]
    public void A_record_of_version_0_1_with_whole_paths_can_still_be_read()
    {
        place.Write(
            "expocluster.json",
            """
            {"format": 1, "tool": "ExpoCluster 0.1.0", "planDigest": "d", "numericsVersion": 1, "blockBytes": 4194304,
             "recipe": {"method": "expo", "base": "/home/me/sft", "aligned": "/home/me/dpo", "alpha": 0.5},
             "inputs": [{"path": "/home/me/dpo/model.safetensors", "bytes": 5, "modifiedUnixNanoseconds": 6, "headerSha256": "7"}],
             "files": [{"name": "model.safetensors", "bytes": 8, "digest": "d", "blockDigests": "AQI="}], "published": ["model.safetensors"]}
            """);

        ProvenanceInput input = Assert.Single(Provenance.ReadFrom(OutputPaths.Of(place.Path))!.Inputs);

        Assert.Equal(("/home/me/dpo/model.safetensors", null), (input.Path, input.Checkpoint));
    }

    private static Provenance RecordOf(Recipe recipe)
    {
        PlannedMerge merge = Planner.Plan(recipe);
        return Provenance.Of(merge.Plan, 0, merge.Pinned(recipe), [], [], "1");
    }

    private void WriteCheckpoints()
    {
        place.Write("secret-home/sft/model.safetensors", [("w", Dtype.F32, [4], 1)]);
        place.Write("secret-home/dpo/model.safetensors", [("w", Dtype.F32, [4], 2)]);
        Directory.CreateSymbolicLink(place.PathOf("secret-home", "linked"), place.PathOf("secret-home", "sft"));
        place.Write("secret-home/models--org--sft/blobs/b1ob", [("w", Dtype.F32, [4], 3)]);
        string snapshot = place.PathOf("secret-home", "models--org--sft", "snapshots", Commit);
        Directory.CreateDirectory(snapshot);
        File.CreateSymbolicLink(Path.Join(snapshot, "model.safetensors"), "../../blobs/b1ob");
    }
}
