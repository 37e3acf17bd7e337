using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Core.Hub;

/// <summary>The digest that the Hub lists for a file: SHA-256, or for what lies in git itself SHA-1 as git computes it.</summary>
internal static class HubDigest
{
    private const int BufferBytes = 1 << 20;

    public static string Of(ReadOnlySpan<byte> content, HubFile file)
    {
        using IncrementalHash hash = Begin(content.Length, file);
        hash.AppendData(content);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Of a file that was written, read back from its start.</summary>
    public static string Of(SafeFileHandle handle, HubFile file, Action? active, CancellationToken cancellation)
    {
        using IncrementalHash hash = Begin(file.ByteLength, file);
        byte[] buffer = new byte[BufferBytes];
        for (long offset = 0; offset < file.ByteLength;)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = RandomAccess.Read(handle, buffer.AsSpan(0, (int)Math.Min(buffer.Length, file.ByteLength - offset)), offset);
            if (count == 0)
            {
                break;
            }

            hash.AppendData(buffer, 0, count);
            active?.Invoke();
            offset += count;
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    [SuppressMessage("Security", "CA5350", Justification = "git's names for files are SHA-1; it guards against damage here, not malice.")]
    private static IncrementalHash Begin(long byteLength, HubFile file)
    {
        if (file.Sha256 is not null)
        {
            return IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        }

        var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        hash.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"blob {byteLength}\0")));
        return hash;
    }
}
