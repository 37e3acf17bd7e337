using ExpoCluster.Core.Jobs;
using Google.Protobuf;

namespace ExpoCluster.Cluster.Protocol;

/// <summary>Which parts of a file are committed, as <see cref="FileProgress.CommittedParts"/> tells it: a bit for each, the lowest of the first byte for part 0.</summary>
public static class PartBits
{
    public static ByteString Of(JobFileState file)
    {
        byte[] bits = new byte[(file.PartCount + 7) / 8];
        for (int part = 0; part < file.PartCount; part++)
        {
            bits[part / 8] |= (byte)(file.IsCommitted(part) ? 1 << (part % 8) : 0);
        }

        return UnsafeByteOperations.UnsafeWrap(bits);
    }

    /// <summary>False also for parts of which nothing is told, as by a node of an earlier version.</summary>
    public static bool Has(ByteString bits, int part) => part / 8 < bits.Length && (bits[part / 8] & (1 << (part % 8))) != 0;
}
