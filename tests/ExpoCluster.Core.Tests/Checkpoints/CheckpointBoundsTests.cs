using System.Diagnostics;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Checkpoints;

/// <summary>Links and things that are no files in a checkpoint's directory.</summary>
public sealed class CheckpointBoundsTests : IDisposable
{
    private readonly TemporaryDirectory place = new();

    public CheckpointBoundsTests()
    {
        foreach (string side in new[] { "base", "aligned" })
        {
            place.Write(side + "/model.safetensors", ("w", Dtype.F32, [4], 1));
            place.Write(side + "/config.json", "{}");
        }

        place.Write("secret.json", "{\"of\": \"the machine\"}");
    }

    private Recipe Recipe => new() { Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.5 };

    public void Dispose() => place.Dispose();

    [Theory]
    [InlineData("tokenizer.json")]
    [InlineData("config.json")]
    [InlineData("LICENSE")]
    [InlineData("additional_chat_templates/a.jinja")]
    public void A_side_file_that_leads_out_of_its_directory_is_refused_when_it_is_planned(string name)
    {
        Link("aligned/" + name, place.PathOf("secret.json"));

        CheckpointException refused = Assert.Throws<CheckpointException>(() => Planner.Plan(Recipe));

        Assert.Equal("EXPO1121", refused.Code);
        Assert.Contains(place.PathOf("aligned", name), refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_of_templates_that_is_a_link_out_is_refused()
    {
        place.Write("elsewhere/a.jinja", "");
        Directory.CreateSymbolicLink(place.PathOf("aligned", "additional_chat_templates"), place.PathOf("elsewhere"));

        Assert.Equal("EXPO1121", Assert.Throws<CheckpointException>(() => Planner.Plan(Recipe)).Code);
    }

    [Fact]
    public void A_side_file_that_leads_out_when_it_is_published_is_refused_then()
    {
        string tokenizer = place.Write("aligned/tokenizer.json", "{}");
        Plan plan = Planner.Plan(Recipe).Plan;
        File.Delete(tokenizer);
        File.CreateSymbolicLink(tokenizer, place.PathOf("secret.json"));

        var sequence = new PublishSequence(OutputPaths.Of(place.PathOf("out")), "job");

        Assert.Equal("EXPO1121", Assert.Throws<CheckpointException>(() => sequence.Prepare(plan, Recipe, [], "test")).Code);
    }

    [Fact]
    public void A_link_within_the_directory_is_followed_and_so_is_a_link_to_the_directory()
    {
        place.Write("aligned/tokenizer/real.json", "{}");
        Link("aligned/tokenizer.json", "tokenizer/real.json");
        Directory.CreateSymbolicLink(place.PathOf("latest"), "aligned");

        PlannedMerge merge = Planner.Plan(Recipe with { Aligned = place.PathOf("latest") });

        Assert.Equal(["config.json", "tokenizer.json"], merge.SideFiles.Select(file => file.RelativePath));
        Assert.Empty(merge.Notes);
    }

    [Theory]
    [InlineData("models--o--n/snapshots/c0ffee", "models--o--n/blobs/abc", true)]
    [InlineData("models--o--n/snapshots/c0ffee/folder", "models--o--n/blobs/abc", true)]
    [InlineData("models--o--n/snapshots/c0ffee", "models--o--other/blobs/abc", false)]
    [InlineData("models--o--n/snapshots/c0ffee", "models--o--n/refs/main", false)]
    [InlineData("anything/snapshots/c0ffee", "anything/blobs/abc", false)]
    public void Only_the_blobs_of_the_same_model_in_a_Hub_cache_are_a_checkpoints_own(string directory, string target, bool isOwn)
    {
        place.Write(target, "{}");
        Directory.CreateDirectory(place.PathOf(directory));

        Assert.Equal(isOwn, new CheckpointBounds(place.PathOf(directory), roots: null).Contains(RealPath.Of(place.PathOf(target))));
    }

    [Fact]
    public void Blobs_that_are_themselves_a_link_are_not_the_caches()
    {
        place.Write("private/id.json", "{}");
        Directory.CreateDirectory(place.PathOf("models--o--n", "snapshots", "c0ffee"));
        Directory.CreateSymbolicLink(place.PathOf("models--o--n", "blobs"), place.PathOf("private"));
        Link("models--o--n/snapshots/c0ffee/tokenizer.json", "../../blobs/id.json");

        var bounds = new CheckpointBounds(place.PathOf("models--o--n", "snapshots", "c0ffee"), roots: null);

        Assert.Equal("EXPO1121", Assert.Throws<CheckpointException>(
            () => SideFileSelection.Select(place.PathOf("models--o--n", "snapshots", "c0ffee"), bounds)).Code);
    }

    [Fact]
    public void Weights_that_lie_elsewhere_are_read_and_that_is_said()
    {
        place.Write("disk/w.safetensors", ("w", Dtype.F32, [4], 1));
        File.Delete(place.PathOf("base", "model.safetensors"));
        Link("base/model.safetensors", place.PathOf("disk", "w.safetensors"));

        PlannedMerge merge = Planner.Plan(Recipe);

        string note = Assert.Single(merge.Notes);
        Assert.Contains(place.PathOf("base", "model.safetensors"), note, StringComparison.Ordinal);
        Assert.Contains(place.PathOf("disk", "w.safetensors"), note, StringComparison.Ordinal);
    }

    [Fact]
    public void On_a_node_nothing_outside_the_roots_is_even_opened()
    {
        place.Write("disk/w.safetensors", "no weights file, and its text stays here");
        File.Delete(place.PathOf("base", "model.safetensors"));
        Link("base/model.safetensors", place.PathOf("disk", "w.safetensors"));
        var roots = new StorageRoots([RealPath.Of(place.PathOf("base")), RealPath.Of(place.PathOf("aligned"))]);

        UsageException refused = Assert.Throws<UsageException>(() => Planner.Plan(Recipe, roots: roots));

        Assert.Equal(StorageRoots.OutsideRoots, refused.Code);
    }

    [Theory]
    [InlineData("model.safetensors", "EXPO1003")]
    [InlineData("model.safetensors.index.json", "EXPO1107")]
    [InlineData("config.json", "EXPO1122")]
    [InlineData("tokenizer.json", "EXPO1122")]
    [InlineData("LICENSE", "EXPO1122")]
    public void A_pipe_in_a_files_place_is_refused_and_not_waited_for(string name, string code)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        if (name.EndsWith("index.json", StringComparison.Ordinal))
        {
            File.Delete(place.PathOf("aligned", "model.safetensors"));
        }

        File.Delete(place.PathOf("aligned", name));
        using (Process made = Process.Start("mkfifo", [place.PathOf("aligned", name)]))
        {
            made.WaitForExit();
        }

        Assert.Equal(code, Assert.ThrowsAny<ExpoException>(() => Planner.Plan(Recipe)).Code);
    }

    [Fact]
    public void A_side_file_whose_name_is_no_UTF_8_is_refused()
    {
        // The name arrives like this; that of a file that has it in truth is as little ours to publish.
        place.Write("aligned/LICENSE-\uFFFD", "");

        Assert.Equal("EXPO1123", Assert.Throws<CheckpointException>(() => Planner.Plan(Recipe)).Code);
    }

    [Theory]
    [InlineData("model-\uFFFD")]
    [InlineData("model-\uD800")]
    public void A_reference_that_is_no_UTF_8_is_refused(string name) =>
        Assert.Equal("EXPO1124", Assert.Throws<CheckpointException>(() => Checkpoint.Open(place.PathOf(name))).Code);

    private void Link(string name, string target)
    {
        string path = place.PathOf(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.Delete(path);
        File.CreateSymbolicLink(path, target);
    }
}
