namespace ExpoCluster.Core.Hub;

/// <summary>Bytes of a file of the Hub in their order. A connection that breaks is made anew where it broke.</summary>
public sealed class HubStream : IAsyncDisposable, IDisposable
{
    /// <summary>How often in a row a connection may break without bringing a byte.</summary>
    private const int MaxFailures = 5;

    /// <summary>How many answers in a row may bring less than <see cref="WorthwhileBytes"/>, be it a byte.</summary>
    private const int MaxShortAnswers = 100;

    private const int WorthwhileBytes = 64 << 10;

    /// <summary>Bytes that may be read and dropped where a server ignores ranges.</summary>
    private const long MaxSkippedBytes = 16 << 20;

    private readonly HubClient client;
    private readonly HubFile file;
    private readonly long end;
    private HubRange? range;
    private int failures;
    private int slowAnswers;
    private int shortAnswers;
    private long bytesOfAnswer;

    internal HubStream(HubClient client, HubFile file, long begin, long end)
    {
        this.client = client;
        this.file = file;
        this.end = end;
        Position = begin;
    }

    /// <summary>Of the next byte, counted from the start of the file.</summary>
    public long Position { get; private set; }

    /// <summary>At least one byte, as far as the end has not been reached; then 0.</summary>
    /// <exception cref="HubException">The bytes cannot be had.</exception>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellation)
    {
        int wanted = (int)Math.Min(buffer.Length, end - Position);
        while (wanted > 0)
        {
            string why;
            Exception? cause = null;
            try
            {
                range ??= await OpenAsync(cancellation).ConfigureAwait(false);
                int count = await range.ReadAsync(buffer[..wanted], client.Environment, client.Clock, cancellation).ConfigureAwait(false);
                if (count > 0)
                {
                    Advance(count);
                    return count;
                }

                why = "the connection ended early";
            }
            catch (Exception exception) when (exception is IOException or HttpRequestException or TimeoutException)
            {
                why = exception.Message;
                cause = exception;
            }

            Close();
            if (IsHopeless(isSlow: cause is HubSlowException))
            {
                throw HubErrors.NotReached(file.Name, why, cause);
            }

            await client.RecoverAsync(file, failures - 1, why, cancellation).ConfigureAwait(false);
        }

        return 0;
    }

    /// <summary>Fills the whole buffer, or throws.</summary>
    public async ValueTask ReadExactlyAsync(Memory<byte> buffer, CancellationToken cancellation)
    {
        while (!buffer.IsEmpty)
        {
            int count = await ReadAsync(buffer, cancellation).ConfigureAwait(false);
            ArgumentOutOfRangeException.ThrowIfZero(count, nameof(buffer));
            buffer = buffer[count..];
        }
    }

    public void Dispose() => Close();

    public ValueTask DisposeAsync()
    {
        Close();
        return ValueTask.CompletedTask;
    }

    // A byte renews the patience, but not for ever.
    private bool IsHopeless(bool isSlow)
    {
        bool isWorthwhile = bytesOfAnswer >= WorthwhileBytes;
        bytesOfAnswer = 0;
        slowAnswers = isWorthwhile ? 0 : slowAnswers + (isSlow ? 1 : 0);
        shortAnswers = isWorthwhile ? 0 : shortAnswers + 1;
        return ++failures > MaxFailures || slowAnswers > MaxFailures || shortAnswers > MaxShortAnswers;
    }

    private void Advance(int count)
    {
        Position += count;
        bytesOfAnswer += count;
        failures = 0;
        client.Count(count);
        if (Position == end)
        {
            Close();
        }
    }

    private void Close()
    {
        range?.Dispose();
        range = null;
    }

    private async Task<HubRange> OpenAsync(CancellationToken cancellation)
    {
        HubRange opened = await client.OpenRangeAsync(file, Position, end, cancellation).ConfigureAwait(false);
        try
        {
            await SkipToPositionAsync(opened, cancellation).ConfigureAwait(false);
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    // Only a server that ignores ranges begins elsewhere.
    private async Task SkipToPositionAsync(HubRange opened, CancellationToken cancellation)
    {
        long left = Position - opened.Begin;
        if (left > MaxSkippedBytes)
        {
            throw HubErrors.NoRanges(file, Position);
        }

        byte[] dropped = new byte[Math.Min(left, 64 << 10)];
        while (left > 0)
        {
            int count = await opened.ReadAsync(dropped.AsMemory(0, (int)Math.Min(left, dropped.Length)), client.Environment, client.Clock, cancellation)
                .ConfigureAwait(false);
            if (count == 0)
            {
                throw new IOException("the connection ended early");
            }

            left -= count;
            client.Count(count);
        }
    }
}
