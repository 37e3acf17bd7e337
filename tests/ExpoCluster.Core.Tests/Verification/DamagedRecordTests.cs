using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Verification;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Verification;

/// <summary>Verification must not vouch for bytes that it did not compare, nor run for ever.</summary>
public sealed class DamagedRecordTests : IDisposable
{
    private readonly TemporaryDirectory place = new();
    private readonly string file;

    public DamagedRecordTests()
    {
        file = place.Write("model.safetensors", ("a", Dtype.U8, [5 << 20], 1), ("none", Dtype.U8, [0], 0), ("z", Dtype.U8, [4 << 20], 2));
        WriteRecord(record => record);
    }

    public void Dispose() => place.Dispose();

    [Fact]
    public void SHA256_of_the_whole_file_is_given_when_asked_for()
    {
        VerifiedFile verified = Assert.Single(OutputVerifier.Verify(place.Path, wholeFileSha256: true).Files);

        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file))), verified.Sha256);
        Assert.Null(Assert.Single(OutputVerifier.Verify(place.Path, wholeFileSha256: false).Files).Sha256);
    }

    [Fact]
    public void All_bytes_are_counted_while_they_are_read()
    {
        long counted = 0;

        OutputVerifier.Verify(place.Path, wholeFileSha256: false, bytes => counted += bytes);

        Assert.Equal(new FileInfo(file).Length, counted);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(16)]
    public void A_record_that_lacks_block_digests_vouches_for_nothing(int kept)
    {
        WriteRecord(record => record with { Files = [record.Files[0] with { BlockDigests = record.Files[0].BlockDigests[..kept] }] });
        Change(offset: 8_500_000);

        Damage damage = Assert.Single(Verify().Damage);

        Assert.Equal(("model.safetensors", (long?)null), (damage.File, damage.Offset));
        Assert.NotEqual(damage.Expected, damage.Found);
    }

    [Fact]
    public void A_file_that_is_recorded_but_not_among_the_published_names_is_missed_too()
    {
        WriteRecord(record => record with { Published = [] });
        File.Delete(file);

        Assert.Equal(("model.safetensors", "the file is missing"), Assert.Single(Verify().Damage) is var damage ? (damage.File, damage.Problem) : default);
    }

    [Fact]
    public void A_record_of_other_blocks_is_no_damage_of_the_file_but_unreadable()
    {
        WriteRecord(record => record with { BlockBytes = 8 << 20 });

        ProvenanceException exception = Assert.Throws<ProvenanceException>(() => Verify());

        Assert.Equal("EXPO1301", exception.Code);
        Assert.Contains("8388608", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_cut_while_it_is_read_is_damage_and_not_an_endless_loop()
    {
        long length = new FileInfo(file).Length;
        void CutBehindTheFirstBlock(long bytes)
        {
            // Another program, for .NET's own would respect the reader's lock.
            using Process truncate = Process.Start("truncate", ["--size=4194304", file]);
            truncate.WaitForExit();
        }

        Core.Verification.Verification result = OutputVerifier.Verify(place.Path, wholeFileSha256: false, CutBehindTheFirstBlock);

        Damage damage = Assert.Single(result.Damage);
        Assert.Equal(($"{length} bytes", "4194304 bytes"), (damage.Expected, damage.Found));
    }

    [Fact]
    public void An_empty_tensor_is_never_named()
    {
        Change(offset: 5_300_000);

        Damage damage = Assert.Single(Verify().Damage);

        Assert.Equal(["a", "z"], damage.Tensors.ToArray());
        Assert.Equal((4_194_304L, 8_388_608L), (damage.Offset!.Value, damage.EndOffset!.Value));
    }

    [Fact]
    public void The_last_block_ends_where_the_file_does()
    {
        Change(offset: 9_000_000);

        Assert.Equal(new FileInfo(file).Length, Assert.Single(Verify().Damage).EndOffset);
    }

    [Fact]
    public void Without_a_record_nothing_can_be_verified()
    {
        File.Delete(place.PathOf("expocluster.json"));

        Assert.Equal("EXPO1301", Assert.Throws<ProvenanceException>(() => Verify()).Code);
    }

    [Fact]
    public void It_stops_between_two_blocks_when_asked_to()
    {
        using var stop = new CancellationTokenSource();
        long read = 0;

        Assert.Throws<OperationCanceledException>(() => OutputVerifier.Verify(place.Path, wholeFileSha256: false, bytes =>
        {
            read += bytes;
            stop.Cancel();
        }, stop.Token));

        Assert.Equal(PartGrid.BlockBytes, read);
    }

    private Core.Verification.Verification Verify() => OutputVerifier.Verify(place.Path, wholeFileSha256: false);

    private void Change(int offset)
    {
        byte[] content = File.ReadAllBytes(file);
        content[offset] ^= 1;
        File.WriteAllBytes(file, content);
    }

    private void WriteRecord(Func<Provenance, Provenance> change)
    {
        byte[] content = File.ReadAllBytes(file);
        byte[] digests = new byte[PartGrid.BlockCount(content.Length) * BlockDigest.ByteCount];
        for (int block = 0; block < PartGrid.BlockCount(content.Length); block++)
        {
            int begin = block * PartGrid.BlockBytes;
            int count = Math.Min(PartGrid.BlockBytes, content.Length - begin);
            BlockDigest.Compute(content.AsSpan(begin, count), digests.AsSpan(block * BlockDigest.ByteCount));
        }

        var record = new Provenance
        {
            Tool = "test", PlanDigest = "d1g", NumericsVersion = 1, BlockBytes = PartGrid.BlockBytes, Recipe = new JsonObject(), Inputs = [],
            Files = [new ProvenanceFile("model.safetensors", content.Length, BlockDigest.OfFile(content.Length, [digests]), digests)],
            Published = ["model.safetensors"],
        };
        File.WriteAllBytes(place.PathOf("expocluster.json"), change(record).ToJson());
    }
}
