using System.Collections.Immutable;

namespace ExpoCluster.Server.Dashboard.Live;

/// <summary>Bytes per second at a moment.</summary>
public readonly record struct RateSample(DateTimeOffset At, double BytesPerSecond);

/// <summary>The rates of the last minutes, immutable like the pictures that hold it.</summary>
internal static class RateHistory
{
    public static readonly TimeSpan Length = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan Step = TimeSpan.FromSeconds(2);

    /// <summary>With one sample more, unless the last one is too young, and without those that are too old.</summary>
    public static ImmutableArray<RateSample> With(this ImmutableArray<RateSample> samples, DateTimeOffset now, double bytesPerSecond)
    {
        if (!samples.IsEmpty && now - samples[^1].At < Step)
        {
            return samples;
        }

        return [.. samples.Where(sample => now - sample.At <= Length), new RateSample(now, bytesPerSecond)];
    }
}
