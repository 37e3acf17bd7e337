using System.Globalization;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Verification;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Verification;

public sealed class OutputVerifierTests : IDisposable
{
    private readonly TemporaryDirectory place = new();
    private readonly string file;

    public OutputVerifierTests()
    {
        file = place.Write("model.safetensors", ("a", Dtype.U8, [5 << 20], 1), ("b", Dtype.U8, [5 << 20], 2));
        byte[] content = File.ReadAllBytes(file);
        byte[] digests = new byte[PartGrid.BlockCount(content.Length) * BlockDigest.ByteCount];
        for (int block = 0; block < 3; block++)
        {
            int begin = block * PartGrid.BlockBytes;
            BlockDigest.Compute(
                content.AsSpan(begin, Math.Min(PartGrid.BlockBytes, content.Length - begin)), digests.AsSpan(block * BlockDigest.ByteCount));
        }

        var provenance = new Provenance
        {
            Tool = "test", PlanDigest = "d1g", NumericsVersion = 1, BlockBytes = PartGrid.BlockBytes, Recipe = new System.Text.Json.Nodes.JsonObject(),
            Inputs = [], Files = [new ProvenanceFile("model.safetensors", content.Length, BlockDigest.OfFile(content.Length, [digests]), digests)],
            Published = ["config.json", "model.safetensors"],
        };
        File.WriteAllBytes(place.PathOf("expocluster.json"), provenance.ToJson());
        place.Write("config.json", "{}");
    }

    public void Dispose() => place.Dispose();

    [Fact]
    public void What_was_written_is_sound()
    {
        Core.Verification.Verification result = Verify();

        Assert.True(result.IsSound);
        Assert.Equal(new FileInfo(file).Length, Assert.Single(result.Files).Bytes);
    }

    [Theory]
    [InlineData("diffusion_pytorch_model-{0}.safetensors", "diffusion_pytorch_model.safetensors.index.json")]
    [InlineData("diffusion_pytorch_model.fp16-{0}.safetensors", "diffusion_pytorch_model.safetensors.index.fp16.json")]
    [InlineData("consolidated-{0}.safetensors", "consolidated.safetensors.index.json")]
    public void Files_of_another_loader_are_held_against_its_index(string names, string index)
    {
        string[] files = [string.Format(CultureInfo.InvariantCulture, names, "00001-of-00002"), string.Format(CultureInfo.InvariantCulture, names, "00002-of-00002")];
        var other = new ProvenanceFile[2];
        for (int i = 0; i < 2; i++)
        {
            byte[] content = File.ReadAllBytes(place.Write(files[i], (i == 0 ? "a" : "b", Dtype.U8, [100], 1)));
            byte[] digests = new byte[BlockDigest.ByteCount];
            BlockDigest.Compute(content, digests);
            other[i] = new ProvenanceFile(files[i], content.Length, BlockDigest.OfFile(content.Length, [digests]), digests);
        }

        File.Delete(file);
        Provenance record = Provenance.ReadFrom(Core.Storage.OutputPaths.Of(place.Path))!;
        File.WriteAllBytes(place.PathOf("expocluster.json"), (record with { Files = [.. other], Published = ["config.json", .. files, index] }).ToJson());

        Assert.Contains(Verify().Damage, damage => damage.File == index && damage.Problem == "the file is missing");
        place.Write(index, $$"""{"weight_map": {"a": "{{files[0]}}", "b": "{{files[1]}}" } }""");
        Assert.True(Verify().IsSound);
        place.Write(index, $$"""{"weight_map": {"a": "{{files[1]}}", "b": "{{files[1]}}" } }""");
        Assert.Equal(index, Assert.Single(Verify().Damage).File);
    }

    [Theory]
    [InlineData(1_000_000, 0, "a")]
    [InlineData(5_000_000, 4_194_304, "a,b")]
    [InlineData(10_000_000, 8_388_608, "b")]
    public void A_changed_byte_is_found_in_its_block_with_the_tensors_there(int offset, long block, string tensors)
    {
        Change(content => content[offset] ^= 0x10);

        Damage damage = Assert.Single(Verify().Damage);

        Assert.Equal(("model.safetensors", block, tensors), (damage.File, damage.Offset, string.Join(",", damage.Tensors)));
        Assert.NotEqual(damage.Expected, damage.Found);
    }

    [Fact]
    public void Damage_in_the_header_names_no_tensor_but_the_block()
    {
        Change(content => content[10] = 0xFF);

        Assert.Equal(0, Assert.Single(Verify().Damage).Offset);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public void Another_length_is_damage(int difference)
    {
        using (FileStream stream = File.OpenWrite(file))
        {
            stream.SetLength(stream.Length + difference);
        }

        Assert.Contains(Verify().Damage, damage => damage.Problem == "the file has another length" && damage.Offset is null);
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("config.json")]
    public void A_missing_file_is_damage(string name)
    {
        File.Delete(place.PathOf(name));

        Assert.Equal((name, "the file is missing"), Assert.Single(Verify().Damage) is var damage ? (damage.File, damage.Problem) : default);
    }

    private Core.Verification.Verification Verify() => OutputVerifier.Verify(place.Path, wholeFileSha256: false);

    private void Change(Action<byte[]> change)
    {
        byte[] content = File.ReadAllBytes(file);
        change(content);
        File.WriteAllBytes(file, content);
    }
}
