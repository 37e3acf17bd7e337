using System.Globalization;
using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Cli.Display;

/// <summary>How long a merge may take. Nothing is measured, so the rates that it assumes are said along with it.</summary>
/// <param name="BytesWritten">Output bytes.</param>
/// <param name="BytesDownloaded">Bytes that come from the Hub first.</param>
/// <param name="MaxBytesPerSecond">The user's limit; null for none.</param>
internal sealed record TimeEstimate(long BytesWritten, long BytesDownloaded, long? MaxBytesPerSecond)
{
    // What a solid-state disk writes durably while it is read as well, and a good connection to the Hub.
    private const long AssumedWriteRate = 400_000_000;
    private const long AssumedDownloadRate = 100_000_000;

    private const double StartSeconds = 1;

    private long WriteRate => Math.Min(MaxBytesPerSecond ?? AssumedWriteRate, AssumedWriteRate);

    public double Seconds => StartSeconds + ((double)BytesWritten / WriteRate) + ((double)BytesDownloaded / AssumedDownloadRate);

    public string Describe()
    {
        string download = BytesDownloaded > 0 ? $" and {ByteSize.Format(AssumedDownloadRate)}/s downloaded" : "";
        string limit = WriteRate == MaxBytesPerSecond ? ", the given limit" : "";
        return $"about {Format(TimeSpan.FromSeconds(Seconds))} at {ByteSize.Format(WriteRate)}/s written{limit}{download}; your storage decides";
    }

    private static string Format(TimeSpan time) => time switch
    {
        { TotalMinutes: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(time.TotalSeconds)} s"),
        { TotalHours: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(time.TotalMinutes)} min"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{time.TotalHours:0.#} h"),
    };
}
