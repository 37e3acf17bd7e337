using System.Collections.Immutable;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Planning;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Planning;

public sealed class CopiedTensorComparisonTests : IDisposable
{
    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Theory]
    [InlineData(new byte[] { 1, 4, 2, 5, 3, 6 }, true)]
    [InlineData(new byte[] { 1, 4, 2, 5, 3, 7 }, false)]
    public void A_view_at_a_distance_is_compared_element_by_element(byte[] transposed, bool areEqual)
    {
        CheckpointTensor plain = Tensor([2, 3], default);
        CheckpointTensor view = Tensor([2, 3], [1, 2]);

        Assert.Equal(areEqual, Compare([1, 2, 3, 4, 5, 6], plain, transposed, view));
        Assert.Equal(areEqual, Compare(transposed, view, [1, 2, 3, 4, 5, 6], plain));
    }

    [Fact]
    public void A_view_that_reaches_too_far_is_not_looked_at()
    {
        CheckpointTensor far = Tensor([2, 1], [5 << 20, 1]);

        Assert.Null(Compare([1, 2], far, [1, 2], far));
        Assert.True(Compare([1, 2], Tensor([2], default), [1, 2], Tensor([2], default)));
    }

    private static CheckpointTensor Tensor(ImmutableArray<long> shape, ImmutableArray<long> strides) =>
        new("t", Dtype.U8, shape, 0, 0, shape.Aggregate(1L, (count, extent) => count * extent), 0) { Strides = strides };

    private bool? Compare(byte[] one, CheckpointTensor ofOne, byte[] two, CheckpointTensor ofTwo)
    {
        using ByteSource aligned = SourceOf("one", one);
        using ByteSource other = SourceOf("two", two);
        return CopiedTensorComparison.AreEqual(aligned, ofOne, other, ofTwo);
    }

    private ByteSource SourceOf(string name, byte[] content)
    {
        string path = place.PathOf(name);
        File.WriteAllBytes(path, content);
        return ByteSource.OfFile(File.OpenHandle(path), path);
    }
}
