using ExpoCluster.Core.Methods;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Core.Tests.Publishing;

public sealed class ProvenanceTests : IDisposable
{
    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Fact]
    public void Where_there_is_none_there_is_none() => Assert.Null(Provenance.ReadFrom(OutputPaths.Of(place.Path)));

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("""{"format": 1}""")]
    [InlineData("""{"format":99,"tool":"x","planDigest":"x","numericsVersion":1,"blockBytes":1,"recipe":{},"inputs":[],"files":[],"published":[]}""")]
    public void What_cannot_be_read_is_said(string content)
    {
        place.Write("expocluster.json", content);

        ProvenanceException exception = Assert.Throws<ProvenanceException>(() => Provenance.ReadFrom(OutputPaths.Of(place.Path)));

        Assert.Equal("EXPO1301", exception.Code);
        Assert.Contains("expocluster.json", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void It_is_written_with_newlines_that_do_not_depend_on_the_system()
    {
        var provenance = new Provenance
        {
            Tool = "ExpoCluster 1.0", PlanDigest = "d1g", NumericsVersion = 1, BlockBytes = 4, Recipe = new System.Text.Json.Nodes.JsonObject(),
            Inputs = [new ProvenanceInput("/in", 5, 6, "7")], Files = [new ProvenanceFile("model.safetensors", 8, "d", [1, 2])], Published = ["model.safetensors"],
        };

        string json = System.Text.Encoding.UTF8.GetString(provenance.ToJson());

        Assert.StartsWith("{\n  \"format\": 1,\n  \"tool\": \"ExpoCluster 1.0\",\n", json, StringComparison.Ordinal);
        Assert.Contains("\"blockDigests\": \"AQI=\"", json, StringComparison.Ordinal);
        place.Write("expocluster.json", json);
        Assert.Equal("d", Provenance.ReadFrom(OutputPaths.Of(place.Path))!.Files[0].Digest);
    }

    [Fact]
    public void Tensors_that_are_extrapolated_in_part_are_named_with_how_many_elements_are()
    {
        PlannedTensor whole = Tensor("w", begin: 0);
        PlannedTensor partly = Tensor("model.embed_tokens.weight", begin: 24, elementsOfBase: 4);

        Assert.Equal(
            [new ProvenancePartlyExtrapolated("model.embed_tokens.weight", 6, 4)], ProvenanceOf(whole, partly).PartlyExtrapolated!.Value.AsEnumerable());
        Assert.Null(ProvenanceOf(whole).PartlyExtrapolated);
        Assert.DoesNotContain("partlyExtrapolated", System.Text.Encoding.UTF8.GetString(ProvenanceOf(whole).ToJson()), StringComparison.Ordinal);
    }

    private static PlannedTensor Tensor(string name, long begin, long? elementsOfBase = null) => new(
        new SafetensorsTensor(name, Dtype.F32, [3, 2], begin, begin + 24),
        TensorRule.Merge,
        [new TensorSource(0, 0, Dtype.F32), new TensorSource(1, 0, Dtype.F32) { Elements = elementsOfBase }],
        ExpoMethod.With(0.3));

    private static Provenance ProvenanceOf(params PlannedTensor[] tensors)
    {
        var plan = new Plan(1, "expo", Numerics.Exact, [], null, [new PlannedFile("model.safetensors", [.. tensors])]);
        return Provenance.Of(plan, 0, new Recipe { Base = "b", Aligned = "a", Alpha = 0.3 }, [], [], "1");
    }
}
