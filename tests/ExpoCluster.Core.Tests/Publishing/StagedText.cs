using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Tests.Publishing;

/// <summary>Words in the place of weights, with spaces behind them, so that the file is as long as was planned.</summary>
internal static class StagedText
{
    public static void Write(OutputPaths output, string job, int generation, PlannedFile file, string words) =>
        File.WriteAllText(output.StagingFile(job, generation, file.Name), words.PadRight(checked((int)file.ByteLength)));

    /// <summary>The words of a file, staged or published.</summary>
    public static string Read(string path) => File.ReadAllText(path).TrimEnd(' ');
}
