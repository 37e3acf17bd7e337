using System.Globalization;
using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Cli.Display;

/// <summary>The figures of a merge in flight.</summary>
/// <param name="Done">Bytes of committed parts and of those under way.</param>
/// <param name="Total">Bytes of all output files.</param>
/// <param name="BytesPerSecond">Over the last ten seconds, or since the beginning if that is less.</param>
internal readonly record struct MergePace(long Done, long Total, double BytesPerSecond)
{
    /// <summary>Bytes of earlier runs that have been read back and compared, and all that are; null when that is over, or was not asked for.</summary>
    public (long Done, long Total)? Checked { get; init; }

    /// <summary>Input bytes that have arrived, and all that will, where parts are computed while others still wait for theirs.</summary>
    public (long Done, long Total)? Fetched { get; init; }

    public double Share => Total == 0 ? 1 : (double)Done / Total;

    public TimeSpan? Left => BytesPerSecond > 0 ? TimeSpan.FromSeconds((Total - Done) / BytesPerSecond) : null;

    public string Describe()
    {
        string left = Left is { } time && Done < Total ? $", {Format(time)} left" : "";
        string compared = Checked is { } earlier ? $"; {ByteSize.Format(earlier.Done)} of {ByteSize.Format(earlier.Total)} of earlier work checked" : "";
        string fetched = Fetched is { } input ? $"; {ByteSize.Format(input.Done)} of {ByteSize.Format(input.Total)} fetched" : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Share:0%}  {ByteSize.Format(Done)} of {ByteSize.Format(Total)}, {ByteSize.Format((long)BytesPerSecond)}/s{left}{compared}{fetched}");
    }

    private static string Format(TimeSpan time) => time.TotalMinutes < 1
        ? string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(time.TotalSeconds)} s")
        : string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalMinutes} min {time.Seconds} s");
}
