using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Storage;

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
}
