using System.Globalization;

namespace ExpoCluster.Core.Hub;

/// <summary>Reads bodies with a limit on their size and on standing still.</summary>
internal static class HubBody
{
    /// <exception cref="InvalidOperationException">The body is larger.</exception>
    /// <exception cref="TimeoutException">It stood still for too long, or took too long altogether.</exception>
    public static async Task<byte[]> ReadAsync(
        HttpResponseMessage response, int maxBytes, TimeSpan patience, TimeSpan wholePatience, CancellationToken cancellation)
    {
        using var whole = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        whole.CancelAfter(wholePatience);
        try
        {
            return await ReadAsync(response, maxBytes, patience, whole.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException exception) when (!cancellation.IsCancellationRequested)
        {
            throw new TimeoutException(
                string.Create(CultureInfo.InvariantCulture, $"the answer had not come to its end within {wholePatience.TotalSeconds:0.#} s"), exception);
        }
    }

    private static async Task<byte[]> ReadAsync(HttpResponseMessage response, int maxBytes, TimeSpan patience, CancellationToken cancellation)
    {
        using Stream stream = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        using var body = new MemoryStream();
        byte[] buffer = new byte[16 << 10];
        while (true)
        {
            int count = await ReadSomeAsync(stream, buffer, patience, cancellation).ConfigureAwait(false);
            if (count == 0)
            {
                return body.ToArray();
            }

            body.Write(buffer, 0, count);
            if (body.Length > maxBytes)
            {
                throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"more than {maxBytes} bytes"));
            }
        }
    }

    /// <summary>What has arrived; 0 at the end.</summary>
    /// <exception cref="TimeoutException">Nothing came for so long.</exception>
    public static async Task<int> ReadSomeAsync(Stream stream, Memory<byte> buffer, TimeSpan patience, CancellationToken cancellation)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timeout.CancelAfter(patience);
        try
        {
            return await stream.ReadAsync(buffer, timeout.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException exception) when (!cancellation.IsCancellationRequested)
        {
            throw new TimeoutException(
                string.Create(CultureInfo.InvariantCulture, $"nothing arrived for {patience.TotalSeconds:0.#} s"), exception);
        }
    }
}
