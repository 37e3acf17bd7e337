using System.Text.Json.Nodes;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Core.Verification;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Verification;

/// <summary>A published output of two small weights files with an index, and its record, which a test may change.</summary>
internal sealed class OutputScene : IDisposable
{
    public const string First = "model-00001-of-00002.safetensors";
    public const string Second = "model-00002-of-00002.safetensors";
    public const string Index = "model.safetensors.index.json";

    private readonly TemporaryDirectory place = new();

    public OutputScene()
    {
        place.Write(First, ("a", Dtype.U8, [100], 1));
        place.Write(Second, ("b", Dtype.U8, [200], 2));
        WriteIndex(("a", First), ("b", Second));
        place.Write("config.json", "{}");
        Record = new Provenance
        {
            Tool = "test", PlanDigest = new string('a', 64), NumericsVersion = 1, BlockBytes = PartGrid.BlockBytes,
            Recipe = JsonNode.Parse("""{"method":"expo","base":"b","aligned":"a","alpha":0.3,"numerics":"exact","dtype":"aligned","on_mismatch":"error","max_shard_size":"keep"}""")!,
            Inputs = [new ProvenanceInput("/b/model.safetensors", 1, 2, "d")],
            Files = [Of(First), Of(Second)],
            Published = ["config.json", "expocluster.json", First, Second, Index],
            Statistics = new ProvenanceStatistics(Sums, 0.3, [new ProvenanceTensor("a", 0.3, Sums), new ProvenanceTensor("b", 0.3, Sums)]),
        };
        Write(Record);
    }

    public Provenance Record { get; }

    public string Root => place.Path;

    public string RecordText => System.Text.Encoding.UTF8.GetString(Record.ToJson());

    private static ProvenanceSums Sums => new(100, 80, 8, 0.3, 3, 10, 1, 0, 0, 0);

    public string PathOf(string name) => place.PathOf(name);

    public void Write(Provenance record) => Write(System.Text.Encoding.UTF8.GetString(record.ToJson()));

    public void Write(string record) => File.WriteAllText(place.PathOf("expocluster.json"), record);

    public void WriteIndex(params (string Tensor, string File)[] map) =>
        File.WriteAllBytes(place.PathOf(Index), WeightIndex.Encode(300, map.Select(row => KeyValuePair.Create(row.Tensor, row.File))));

    public void WriteWeights(string name) => place.Write(name, ("c", Dtype.U8, [10], 3));

    public void WriteFile(string name, string content) => place.Write(name, content);

    public Core.Verification.Verification Verify() => OutputVerifier.Verify(place.Path, wholeFileSha256: false);

    public void Dispose() => place.Dispose();

    private ProvenanceFile Of(string name)
    {
        byte[] content = File.ReadAllBytes(place.PathOf(name));
        byte[] digest = new byte[BlockDigest.ByteCount];
        BlockDigest.Compute(content, digest);
        return new ProvenanceFile(name, content.Length, BlockDigest.OfFile(content.Length, [digest]), digest);
    }
}
