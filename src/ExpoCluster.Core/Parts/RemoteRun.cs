using ExpoCluster.Core.Hub;

namespace ExpoCluster.Core.Parts;

/// <summary>A piece of a file of the Hub that is read from its beginning to its end, nearly always.</summary>
internal sealed class RemoteRun(HubFile file, long begin, long end) : IDisposable
{
    /// <summary>Two tiles may both want the element that lies across their border.</summary>
    private const int RememberedBytes = 16;

    private readonly byte[] remembered = new byte[RememberedBytes];
    private int rememberedCount;
    private HubStream? stream;

    public long Begin { get; } = begin;

    public async ValueTask ReadAsync(HubClient client, long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        int known = TakeRemembered(offset, buffer.Span);
        if (known == buffer.Length)
        {
            return;
        }

        await MoveToAsync(client, offset + known, cancellation).ConfigureAwait(false);
        await stream!.ReadExactlyAsync(buffer[known..], cancellation).ConfigureAwait(false);
        Remember(buffer.Span);
    }

    public void Dispose() => stream?.Dispose();

    private int TakeRemembered(long offset, Span<byte> buffer)
    {
        long back = (stream?.Position ?? offset) - offset;
        if (back <= 0 || back > rememberedCount)
        {
            return 0;
        }

        int count = (int)Math.Min(back, buffer.Length);
        remembered.AsSpan(RememberedBytes - (int)back, count).CopyTo(buffer);
        return count;
    }

    // A small gap is read over; anything else, such as a tensor that is used twice, takes a new request.
    private async ValueTask MoveToAsync(HubClient client, long offset, CancellationToken cancellation)
    {
        long gap = offset - (stream?.Position ?? -1);
        if (stream is null || gap < 0 || gap > RemoteReads.MaxGapBytes)
        {
            stream?.Dispose();
            stream = client.Open(file, offset, end);
        }
        else if (gap > 0)
        {
            await stream.ReadExactlyAsync(new byte[gap], cancellation).ConfigureAwait(false);
        }
    }

    private void Remember(ReadOnlySpan<byte> bytes)
    {
        rememberedCount = Math.Min(bytes.Length, RememberedBytes);
        bytes[^rememberedCount..].CopyTo(remembered.AsSpan(RememberedBytes - rememberedCount));
    }
}
