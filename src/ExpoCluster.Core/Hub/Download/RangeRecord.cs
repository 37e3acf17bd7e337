using System.Globalization;
using System.Text;
using ExpoCluster.Tensors.Files;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Core.Hub.Download;

/// <summary>Which ranges of an unfinished download are complete: a file beside it, one byte for each range.</summary>
/// <remarks>
/// It saves work after a crash and is never trusted beyond that: the finished file's digest alone decides. After a power cut it may
/// claim ranges that never reached the disk; then the digest is wrong and the file is downloaded anew.
/// </remarks>
internal sealed class RangeRecord : IDisposable
{
    private const int HeaderBytes = 64;

    private readonly SafeFileHandle handle;
    private readonly int[] complete;
    private readonly long byteLength;

    private RangeRecord(SafeFileHandle handle, long byteLength, int rangeBytes)
    {
        this.handle = handle;
        this.byteLength = byteLength;
        RangeBytes = rangeBytes;
        complete = new int[(byteLength + rangeBytes - 1) / rangeBytes];
    }

    public int RangeBytes { get; }

    public int Count => complete.Length;

    /// <summary>Bytes of all complete ranges.</summary>
    public long CompleteBytes => Enumerable.Range(0, Count).Where(IsComplete).Sum(range => End(range) - Begin(range));

    public bool IsAllComplete => Enumerable.Range(0, Count).All(IsComplete);

    /// <summary>Opens the record, which is empty when it is new, or was not made for such a file.</summary>
    public static RangeRecord Open(string path, long byteLength, int rangeBytes)
    {
        var record = new RangeRecord(
            RegularFile.OpenToWrite(path, create: true), byteLength, rangeBytes);
        record.Load();
        return record;
    }

    public long Begin(int range) => (long)range * RangeBytes;

    public long End(int range) => Math.Min(Begin(range) + RangeBytes, byteLength);

    public bool IsComplete(int range) => Volatile.Read(ref complete[range]) != 0;

    /// <summary>False when it was complete already.</summary>
    public bool Complete(int range)
    {
        if (Interlocked.Exchange(ref complete[range], 1) != 0)
        {
            return false;
        }

        RandomAccess.Write(handle, "1"u8, HeaderBytes + range);
        return true;
    }

    /// <summary>Nothing is complete.</summary>
    public void Clear()
    {
        Array.Clear(complete);
        RandomAccess.SetLength(handle, 0);
        byte[] content = new byte[HeaderBytes + Count];
        content.AsSpan().Fill((byte)'0');
        Header().CopyTo(content, 0);
        RandomAccess.Write(handle, content, fileOffset: 0);
    }

    public void Dispose() => handle.Dispose();

    private void Load()
    {
        byte[] content = new byte[HeaderBytes + Count];
        int read = RandomAccess.Read(handle, content, fileOffset: 0);
        if (read != content.Length || RandomAccess.GetLength(handle) != read || !content.AsSpan(0, HeaderBytes).SequenceEqual(Header()))
        {
            Clear();
            return;
        }

        for (int range = 0; range < Count; range++)
        {
            complete[range] = content[HeaderBytes + range] == (byte)'1' ? 1 : 0;
        }
    }

    private byte[] Header() => Encoding.ASCII.GetBytes(
        string.Create(CultureInfo.InvariantCulture, $"expocluster-ranges 1 {byteLength} {RangeBytes}").PadRight(HeaderBytes - 1) + "\n");
}
