using ExpoCluster.Core.Parts;

namespace ExpoCluster.Core.Tests.Parts;

public sealed class BlockDigestTests
{
    [Fact]
    public void The_digest_of_a_block_is_its_XxHash128()
    {
        byte[] digest = new byte[BlockDigest.ByteCount];

        BlockDigest.Compute([], digest);

        // XXH3_128bits of nothing, from the algorithm's reference implementation.
        Assert.Equal("99AA06D3014798D86001C324468D497F", Convert.ToHexString(digest));
    }

    [Fact]
    public void The_digest_of_a_file_is_SHA256_over_its_length_and_its_blocks() =>
        Assert.Equal(
            Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData([5, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3])),
            BlockDigest.OfFile(5, [new byte[] { 1, 2, 3 }]));

    [Fact]
    public void It_does_not_matter_how_blocks_are_grouped_into_parts() =>
        Assert.Equal(BlockDigest.OfFile(9, [new byte[] { 1, 2, 3, 4 }]), BlockDigest.OfFile(9, [new byte[] { 1 }, new byte[] { 2, 3 }, new byte[] { 4 }]));
}
