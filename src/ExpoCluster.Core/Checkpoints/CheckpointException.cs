using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Checkpoints;

/// <summary>A checkpoint whose files are missing, contradict each other, or break a rule that every loader relies on.</summary>
public sealed class CheckpointException(
    string code,
    string path,
    string problem,
    string advice,
    string? expected = null,
    string? found = null,
    Exception? innerException = null)
    : ExpoException(code, Describe(path, problem, expected, found), advice, innerException)
{
    /// <summary>The file or directory that the problem is in.</summary>
    public string Path { get; } = path;

    public string Problem { get; } = problem;

    public string? Expected { get; } = expected;

    public string? Found { get; } = found;

    private static string Describe(string path, string problem, string? expected, string? found) =>
        (expected, found) switch
        {
            (null, null) => $"{path}: {problem}",
            (null, _) => $"{path}: {problem} (found {found})",
            (_, null) => $"{path}: {problem} (expected {expected})",
            _ => $"{path}: {problem} (expected {expected}, found {found})",
        };
}
