using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Hub;

/// <summary>The bytes of a file of the Hub at any offset, in as few requests as its formats allow.</summary>
/// <remarks>
/// Headers lie at the beginning of a file, directories of archives at its end. Both ends are read with some more behind or before
/// what is asked for; a second question follows only where that was not enough.
/// </remarks>
internal sealed class HubByteSource(HubClient client, HubFile file, CancellationToken cancellation) : ByteSource
{
    /// <summary>Covers the headers of nearly all safetensors files, and the pickle of nearly all torch archives.</summary>
    internal const int ReadAheadBytes = 128 << 10;

    private Window head = new(0, []);
    private Window tail = new(file.ByteLength, []);

    public override string Name => file.Name;

    public override long ByteLength => file.ByteLength;

    public override bool IsRemote => true;

    /// <inheritdoc/>
    /// <exception cref="HubException">The bytes cannot be had.</exception>
    public override void ReadExactly(Span<byte> buffer, long offset)
    {
        long end = offset + buffer.Length;
        if (end > file.ByteLength)
        {
            throw HubErrors.LengthDiffers(file, "the file's length", $"at least {HubErrors.Bytes(end)}", HubErrors.Bytes(file.ByteLength));
        }

        if (!tail.Covers(offset, end) && !head.Covers(offset, end))
        {
            Fetch(offset, end);
        }

        Window window = head.Covers(offset, end) ? head : tail.Covers(offset, end) ? tail : Read(offset, end);
        window.Bytes.AsSpan((int)(offset - window.Begin), buffer.Length).CopyTo(buffer);
    }

    protected override void Dispose(bool disposing)
    {
        head = new Window(0, []);
        tail = new Window(file.ByteLength, []);
    }

    // What touches an end that is known, or comes near to it, makes that end longer.
    private void Fetch(long offset, long end)
    {
        if (offset <= Math.Max(head.End, ReadAheadBytes))
        {
            long until = Math.Min(file.ByteLength, Math.Max(end, ReadAheadBytes));
            head = new Window(0, [.. head.Bytes, .. Read(head.End, until).Bytes]);
        }
        else if (end >= Math.Min(tail.Begin, file.ByteLength - ReadAheadBytes))
        {
            long from = Math.Max(0, Math.Min(offset, file.ByteLength - ReadAheadBytes));
            tail = new Window(from, [.. Read(from, tail.Begin).Bytes, .. tail.Bytes]);
        }
    }

    private Window Read(long begin, long end)
    {
        byte[] bytes = new byte[end - begin];
        using HubStream stream = client.Open(file, begin, end);
        stream.ReadExactlyAsync(bytes, cancellation).AsTask().GetAwaiter().GetResult();
        return new Window(begin, bytes);
    }

    private sealed record Window(long Begin, byte[] Bytes)
    {
        public long End => Begin + Bytes.Length;

        public bool Covers(long begin, long end) => begin >= Begin && end <= End;
    }
}
