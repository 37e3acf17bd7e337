using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Checkpoints;

public sealed class TorchCheckpointTests : IDisposable
{
    private static readonly (string, Dtype, long[], byte) A = ("a", Dtype.F32, [2], 1);
    private static readonly (string, Dtype, long[], byte) B = ("b", Dtype.BF16, [3], 2);

    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Fact]
    public void A_directory_with_one_file_is_a_checkpoint()
    {
        place.WriteTorch("m/pytorch_model.bin", A, B);

        Checkpoint checkpoint = Checkpoint.Open(place.PathOf("m"));

        Assert.Equal("torch", checkpoint.Shards[0].Header.Format);
        Assert.Equal(["a", "b"], checkpoint.Tensors.Keys.Order());
        Assert.Equal(2, File.ReadAllBytes(checkpoint.Shards[0].Path)[checkpoint.Tensors["b"].Offset]);
    }

    [Theory]
    [InlineData("pytorch_model.bin")]
    [InlineData("mnist.pt")]
    [InlineData("net.pth")]
    [InlineData("without_ending")]
    public void A_bare_file_is_known_by_its_first_bytes(string name)
    {
        Checkpoint checkpoint = Checkpoint.Open(place.WriteTorch(name, A));

        Assert.Null(checkpoint.Directory);
        Assert.Equal("torch", Assert.Single(checkpoint.Shards).Header.Format);
    }

    [Fact]
    public void An_index_leads_to_its_files_and_to_no_others()
    {
        place.WriteTorch("m/pytorch_model-00001-of-00002.bin", A);
        place.WriteTorch("m/pytorch_model-00002-of-00002.bin", B);
        place.WriteTorchIndex("m", ("a", "pytorch_model-00001-of-00002.bin"), ("b", "pytorch_model-00002-of-00002.bin"));
        place.Write("m/training_args.bin", "\u0080\u0002cos\nsystem\n");
        place.Write("m/optimizer.pt", "anything");

        Checkpoint checkpoint = Checkpoint.Open(place.PathOf("m"));

        Assert.Equal(["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"], checkpoint.Shards.Select(shard => shard.Name));
        Assert.Empty(checkpoint.Notes);
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("model.safetensors.index.json")]
    public void Where_a_directory_holds_both_formats_safetensors_are_read(string entryPoint)
    {
        place.WriteTorch("m/pytorch_model.bin", B);
        place.Write(entryPoint == "model.safetensors" ? "m/model.safetensors" : "m/x.safetensors", A);
        if (entryPoint != "model.safetensors")
        {
            place.WriteIndex("m", ("a", "x.safetensors"));
        }

        Checkpoint checkpoint = Checkpoint.Open(place.PathOf("m"));

        Assert.Equal(["a"], checkpoint.Tensors.Keys);
        Assert.Equal("safetensors", checkpoint.Shards[0].Header.Format);
    }

    [Fact]
    public void A_PyTorch_model_is_preferred_to_safetensors_of_another_name()
    {
        place.WriteTorch("m/pytorch_model.bin", A);
        place.Write("m/consolidated.safetensors", B);

        Assert.Equal(["a"], Checkpoint.Open(place.PathOf("m")).Tensors.Keys);
    }

    [Fact]
    public void As_loaders_do_it_prefers_the_single_file_to_an_index_and_says_so()
    {
        place.WriteTorch("m/pytorch_model.bin", A);
        place.WriteTorchIndex("m", ("b", "other.bin"));

        Checkpoint checkpoint = Checkpoint.Open(place.PathOf("m"));

        Assert.Equal(["a"], checkpoint.Tensors.Keys);
        Assert.Contains("pytorch_model.bin.index.json is ignored", Assert.Single(checkpoint.Notes), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pytorch_model-00001-of-00002.bin", "EXPO1105")]
    [InlineData("training_args.bin", "EXPO1103")]
    [InlineData("policy.pt", "EXPO1103")]
    public void Files_without_an_entry_point_are_not_guessed_at(string name, string code)
    {
        place.WriteTorch("m/" + name, A);

        CheckpointException exception = Assert.Throws<CheckpointException>(() => Checkpoint.Open(place.PathOf("m")));

        Assert.Equal(code, exception.Code);
        Assert.Contains("pytorch_model.bin", exception.Expected, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pickle_of_arguments_given_as_weights_is_refused_by_the_class_it_asks_for()
    {
        string path = place.Write("training_args.bin", "");
        File.WriteAllBytes(path, [0x80, 2, .. "ctransformers.training_args\nTrainingArguments\n)R."u8]);

        TensorFileException exception = Assert.Throws<TensorFileException>(() => Checkpoint.Open(path));

        Assert.Equal("EXPO1040", exception.Code);
    }

    [Fact]
    public void Notes_on_a_file_name_the_file()
    {
        string path = Path.Join(AppContext.BaseDirectory, "Fixtures", "real", "checkpoint.pt");

        Assert.StartsWith("checkpoint.pt: The checkpoint is what the file holds under 'model_state_dict'", Assert.Single(Checkpoint.Open(path).Notes), StringComparison.Ordinal);
    }
}
