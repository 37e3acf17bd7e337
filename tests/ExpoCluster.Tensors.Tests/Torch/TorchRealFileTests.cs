using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Tensors.Tests.Torch;

/// <summary>Files that PyTorch wrote for other projects are read as PyTorch reads them, or refused for the right reason.</summary>
public sealed class TorchRealFileTests
{
    [Fact]
    public void Every_tensor_of_mnist_has_the_bytes_that_PyTorch_converted_it_to()
    {
        byte[] torch = Fixture.Read("real/mnist.pt");
        byte[] converted = Fixture.Read("real/mnist-a/model.safetensors");

        WeightsHeader header = MemorySource.Read(torch);
        WeightsHeader expected = MemorySource.Read(converted);

        Assert.Equal("torch", header.Format);
        Assert.Equal(20, header.Tensors.Length);
        Assert.Empty(header.Notes);
        Assert.Equal(
            expected.Tensors.OrderBy(tensor => tensor.Name, StringComparer.Ordinal).Select(tensor => Describe(tensor, converted)),
            header.Tensors.OrderBy(tensor => tensor.Name, StringComparer.Ordinal).Select(tensor => Describe(tensor, torch)));
    }

    [Fact]
    public void Tensors_come_in_the_order_of_the_state_dict()
    {
        WeightsHeader header = MemorySource.Read(Fixture.Read("real/mnist.pt"));

        Assert.True(header.IsInStateDictOrder);
        Assert.Equal(
            ["conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias", "conv3.weight"], header.Tensors.Take(5).Select(tensor => tensor.Name));
        Assert.Equal("norm2.num_batches_tracked", header.Tensors[^1].Name);
    }

    [Fact]
    public void Four_dtypes_are_told_apart()
    {
        byte[] file = Fixture.Read("real/mixed_types.pt");

        WeightsHeader header = MemorySource.Read(file);

        Assert.Equal(
            [("float32", Dtype.F32, 8), ("int64", Dtype.I64, 16), ("bool", Dtype.Bool, 2), ("float64", Dtype.F64, 16)],
            header.Tensors.Select(tensor => (tensor.Name, tensor.Dtype, (int)tensor.ByteCount)));
        Assert.Equal([100L, 200L], Numbers(file, header.Tensors[1]));
    }

    [Fact]
    public void A_matrix_of_numbers_is_read()
    {
        byte[] file = Fixture.Read("real/test.pt");

        WeightsTensor tensor = Assert.Single(MemorySource.Read(file).Tensors);

        Assert.Equal(("test", Dtype.I64), (tensor.Name, tensor.Dtype));
        Assert.Equal([2L, 4L], tensor.Shape.AsEnumerable());
        Assert.Equal([1L, 2, 3, 4, 5, 6, 7, 8], Numbers(file, tensor));
    }

    [Fact]
    public void A_large_tensor_of_a_plain_dict_is_read()
    {
        WeightsTensor tensor = Assert.Single(MemorySource.Read(Fixture.Read("real/large_shape.pt")).Tensors);

        Assert.Equal([100L, 100L], tensor.Shape.AsEnumerable());
        Assert.Equal(40_000, tensor.ByteCount);
    }

    [Fact]
    public void A_state_dict_whose_names_have_dots_is_flat()
    {
        WeightsHeader header = MemorySource.Read(Fixture.Read("real/complex_nested.pt"));

        Assert.Equal(23, header.Tensors.Length);
        Assert.Contains(header.Tensors, tensor => tensor.Name == "conv_blocks.1.norm.running_var" && tensor.ByteCount == 24);
        Assert.Contains(header.Tensors, tensor => tensor.Name == "fc1.weight" && tensor.Shape.SequenceEqual([12L, 120L]));
    }

    [Fact]
    public void A_training_checkpoint_gives_its_model_and_says_what_it_leaves()
    {
        WeightsHeader header = MemorySource.Read(Fixture.Read("real/checkpoint.pt"));

        Assert.Equal(["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"], header.Tensors.Select(tensor => tensor.Name));
        Assert.Equal(
            "The checkpoint is what the file holds under 'model_state_dict'; 'optimizer_state_dict', 'epoch', 'loss' beside it are not read.",
            Assert.Single(header.Notes));
    }

    [Fact]
    public void Tensors_nested_by_layer_are_refused_for_nobody_knows_their_names()
    {
        TensorFileException refusal = MemorySource.Refusal(Fixture.Read("real/nested_dict.pt"));

        Assert.Equal("EXPO1062", refusal.Code);
        Assert.Equal("tensors under 'layer1', 'layer2'", refusal.Found);
    }

    [Fact]
    public void A_tensor_in_Fortran_order_is_read_element_by_element()
    {
        byte[] file = Fixture.Read("real/fortran_tensor_3d.pth");

        WeightsTensor tensor = Assert.Single(MemorySource.Read(file).Tensors);

        Assert.Equal("tensor_fortran", tensor.Name);
        Assert.Equal([1L, 2, 6], tensor.Strides.AsEnumerable());
        Assert.Equal(
            Enumerable.Range(1, 24).Select(number => (long)number),
            new StridedView(tensor.Shape, tensor.Strides).Runs(0, 24)
                .SelectMany(run => Enumerable.Range(0, (int)run.Count).Select(i => run.Offset + (i * run.Stride)))
                .Select(element => BitConverter.ToInt64(file, (int)(tensor.Offset + (element * sizeof(long))))));
    }

    [Theory]
    [InlineData("mnist.pt")]
    [InlineData("mixed_types.pt")]
    [InlineData("complex_nested.pt")]
    [InlineData("checkpoint.pt")]
    [InlineData("test.pt")]
    public void A_remote_file_is_placed_without_reading_the_headers_of_its_tensors(string name)
    {
        byte[] file = Fixture.Read("real/" + name);
        using var remote = new MemorySource(file, isRemote: true);

        WeightsHeader header = WeightsHeader.ReadFrom(remote);

        WeightsHeader local = MemorySource.Read(file);
        Assert.Equal(local.Tensors.Select(tensor => tensor.Offset), header.Tensors.Select(tensor => tensor.Offset));
        Assert.Equal(local.Digest, header.Digest);
        Assert.Equal(3, remote.Reads);
    }

    private static string Describe(WeightsTensor tensor, byte[] file) =>
        $"{tensor.Name} {tensor.Dtype} [{string.Join(',', tensor.Shape)}] {Convert.ToHexString(file.AsSpan((int)tensor.Offset, (int)tensor.ByteCount))}";

    private static long[] Numbers(byte[] file, WeightsTensor tensor) =>
        System.Runtime.InteropServices.MemoryMarshal.Cast<byte, long>(file.AsSpan((int)tensor.Offset, (int)tensor.ByteCount)).ToArray();
}
