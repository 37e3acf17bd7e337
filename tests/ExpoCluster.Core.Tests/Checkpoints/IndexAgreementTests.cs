using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Checkpoints;

/// <summary>Indexes that contradict their files in ways that loaders put up with, and names under which checkpoints are found.</summary>
public sealed class IndexAgreementTests : IDisposable
{
    private static readonly (string, Dtype, long[], byte) A = ("a", Dtype.F32, [2], 1);
    private static readonly (string, Dtype, long[], byte) B = ("b", Dtype.F32, [2], 2);

    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Theory]
    [InlineData("""{"weight_map": {"a": "x.safetensors", "b": "y.safetensors", "z.0": "x.safetensors", "z.1": "x.safetensors"}}""", "names 2 tensors that no file holds: z.0, z.1")]
    [InlineData("""{"weight_map": {"a": "y.safetensors", "b": "x.safetensors"}}""", "names the wrong file for 2 tensors, found in another one: a, b")]
    [InlineData("""{"weight_map": {"a": "y.safetensors", "b": "y.safetensors", "q": "x.safetensors"}}""", "names the wrong file for 1 tensor, found in another one: a")]
    [InlineData("""{"weight_map": {"b": "y.safetensors", "q": "x.safetensors"}}""", "The files hold 1 tensor that model.safetensors.index.json does not name")]
    public void What_loaders_accept_is_accepted_and_said(string index, string note)
    {
        place.Write("m/x.safetensors", A);
        place.Write("m/y.safetensors", B);
        place.Write("m/model.safetensors.index.json", index);

        Checkpoint checkpoint = Checkpoint.Open(place.PathOf("m"));

        Assert.Equal(["a", "b"], checkpoint.Tensors.Keys.Order());
        Assert.Contains(checkpoint.Notes, said => said.Contains(note, StringComparison.Ordinal));
    }

    [Fact]
    public void A_dot_and_a_slash_in_front_of_a_file_mean_nothing()
    {
        place.Write("m/x.safetensors", A);
        place.WriteIndex("m", ("a", "./x.safetensors"));

        Assert.Equal("x.safetensors", Assert.Single(Checkpoint.Open(place.PathOf("m")).Shards).Name);
    }

    [Fact]
    public void All_files_that_are_missing_are_named_in_one_error()
    {
        place.Write("m/model-00001-of-00004.safetensors", A);
        place.WriteIndex("m", [.. Enumerable.Range(1, 4).Select(i => ($"t{i}", $"model-0000{i}-of-00004.safetensors"))]);

        CheckpointException exception = Assert.Throws<CheckpointException>(() => Checkpoint.Open(place.PathOf("m")));

        Assert.Equal("EXPO1117", exception.Code);
        Assert.Contains("3 of them missing: model-00002-of-00004.safetensors, model-00003-of-00004.safetensors, model-00004-of-00004.safetensors", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_numbered_as_if_there_were_more_are_read_with_a_note()
    {
        place.Write("m/model-00001-of-00030.safetensors", A);
        place.Write("m/model-00002-of-00030.safetensors", B);
        place.WriteIndex("m", ("a", "model-00001-of-00030.safetensors"), ("b", "model-00002-of-00030.safetensors"));

        Assert.Contains(Checkpoint.Open(place.PathOf("m")).Notes, note => note.Contains("as if they were 30", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("consolidated.safetensors.index.json")]
    [InlineData("diffusion_pytorch_model.safetensors.index.json")]
    [InlineData("model.fp16.safetensors.index.json")]
    [InlineData("something.safetensors.index.json")]
    [InlineData("diffusion_pytorch_model.safetensors.index.fp16.json")]
    [InlineData("diffusion_pytorch_model.safetensors.fp16.index.json")]
    public void An_index_under_another_name_leads_to_its_files(string name)
    {
        WriteIndexed(name, "part-1.safetensors", "part-2.safetensors");

        Checkpoint checkpoint = Checkpoint.Open(place.PathOf("m"));

        Assert.Equal(2, checkpoint.Tensors.Count);
        Assert.Equal(place.PathOf("m"), checkpoint.Directory);
    }

    [Theory]
    [InlineData("aligned", "EXPO1202")]
    [InlineData("base", "EXPO1201")]
    public void A_tensor_that_the_index_names_and_only_the_other_side_has_is_said_to_be_in_the_index(string without, string code)
    {
        foreach (string side in new[] { "base", "aligned" })
        {
            place.Write(side + "/model-00001-of-00002.safetensors", A);
            place.Write(side + "/model-00002-of-00002.safetensors", side == without ? ("c", Dtype.F32, [1], 1) : B);
            place.WriteIndex(side, ("a", "model-00001-of-00002.safetensors"), ("b", "model-00002-of-00002.safetensors"));
        }

        PlanningException refused = Assert.Throws<PlanningException>(() => Planner.Plan(new Recipe { Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.5 }));

        PlanProblemKind kind = Assert.Single(refused.Kinds, kind => kind.Code == code);
        Assert.Contains($"the index of {without} (", kind.Message, StringComparison.Ordinal);
        Assert.Contains($"download {without} again", kind.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_an_index_and_its_variants_the_plain_one_is_used_and_the_others_are_named()
    {
        WriteIndexed("diffusion_pytorch_model.safetensors.index.json", "p-1.safetensors", "p-2.safetensors");
        WriteIndexed("diffusion_pytorch_model.fp16.safetensors.index.json", "h-1.safetensors", "h-2.safetensors");

        Checkpoint plain = Checkpoint.Open(place.PathOf("m"));
        Checkpoint chosen = Checkpoint.Open(place.PathOf("m", "diffusion_pytorch_model.fp16.safetensors.index.json"));

        Assert.Equal(["p-1.safetensors", "p-2.safetensors"], plain.Shards.Select(shard => shard.Name));
        Assert.Contains(plain.Notes, note => note.Contains("diffusion_pytorch_model.fp16.safetensors.index.json", StringComparison.Ordinal));
        Assert.Equal(["h-1.safetensors", "h-2.safetensors"], chosen.Shards.Select(shard => shard.Name));
    }

    [Fact]
    public void Several_that_are_no_variants_of_each_other_have_to_be_chosen()
    {
        WriteIndexed("one.safetensors.index.json", "p-1.safetensors", "p-2.safetensors");
        WriteIndexed("two.safetensors.index.json", "h-1.safetensors", "h-2.safetensors");

        CheckpointException exception = Assert.Throws<CheckpointException>(() => Checkpoint.Open(place.PathOf("m")));

        Assert.Equal("EXPO1105", exception.Code);
        Assert.Contains("one.safetensors.index.json, two.safetensors.index.json", exception.Message, StringComparison.Ordinal);
        Assert.Equal(2, Checkpoint.Open(place.PathOf("m", "two.safetensors.index.json")).Tensors.Count);
    }

    [Fact]
    public void Beside_the_usual_one_another_checkpoint_is_said_to_be_there()
    {
        WriteIndexed("model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors");
        place.Write("m/consolidated.safetensors", A, B);

        Checkpoint checkpoint = Checkpoint.Open(place.PathOf("m"));

        Assert.Equal(2, checkpoint.Shards.Length);
        Assert.Contains(checkpoint.Notes, note => note.Contains("consolidated.safetensors; model.safetensors.index.json is used", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("diffusion_pytorch_model")]
    [InlineData("model2")]
    public void Of_one_file_and_its_variants_the_plain_one_is_used(string stem)
    {
        place.Write($"m/{stem}.safetensors", A);
        place.Write($"m/{stem}.fp16.safetensors", A, B);

        Assert.Equal($"{stem}.safetensors", Assert.Single(Checkpoint.Open(place.PathOf("m")).Shards).Name);
    }

    private void WriteIndexed(string index, string first, string second)
    {
        place.Write("m/" + first, A);
        place.Write("m/" + second, B);
        place.Write("m/" + index, $$$"""{"weight_map": {"a": "{{{first}}}", "b": "{{{second}}}"}}""");
    }
}
