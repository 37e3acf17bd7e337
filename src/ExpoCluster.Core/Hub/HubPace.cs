using System.Globalization;

namespace ExpoCluster.Core.Hub;

/// <summary>Whether the bytes of an answer come fast enough to be waited for. A byte now and then is no sign of life.</summary>
/// <param name="clock">Only the time counts in which somebody waits for bytes, not that in which nobody wants any.</param>
/// <param name="patience">So long they may come slower than <see cref="BytesPerSecond"/>.</param>
internal sealed class HubPace(TimeProvider clock, TimeSpan patience)
{
    /// <summary>Slower than any connection over which somebody would fetch a model.</summary>
    internal const int BytesPerSecond = 1 << 10;

    private TimeSpan waited;
    private long bytes;

    /// <exception cref="HubSlowException">They come too slowly.</exception>
    public async Task<int> ReadAsync(Func<Task<int>> read)
    {
        long start = clock.GetTimestamp();
        int count = await read().ConfigureAwait(false);
        waited += clock.GetElapsedTime(start);
        bytes += count;
        if (waited > patience)
        {
            if (bytes < waited.TotalSeconds * BytesPerSecond)
            {
                throw new HubSlowException(string.Create(CultureInfo.InvariantCulture, $"only {bytes} bytes came in {waited.TotalSeconds:0.#} s"));
            }

            waited = TimeSpan.Zero;
            bytes = 0;
        }

        return count;
    }
}
