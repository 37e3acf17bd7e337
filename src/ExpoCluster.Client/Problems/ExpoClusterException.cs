namespace ExpoCluster.Client.Problems;

/// <summary>A server refused or failed, or could not be reached.</summary>
public sealed class ExpoClusterException(Problem problem, Exception? innerException = null)
    : Exception(problem.Detail ?? problem.Title, innerException)
{
    public const string StillStarting = "EXPO5116";
    public const string Unreachable = "EXPO5121";
    public const string UnexpectedAnswer = "EXPO5122";

    /// <summary>What the server said, or what stands for it; then its status is 0.</summary>
    public Problem Problem { get; } = problem;

    /// <summary>For example <c>EXPO2003</c>.</summary>
    public string Code => Problem.Code;

    /// <summary>What to do.</summary>
    public string Advice => Problem.Advice ?? "";

    internal static ExpoClusterException NotReached(Uri server, Exception cause) => new(
        new Problem
        {
            Code = Unreachable,
            Title = "The server cannot be reached",
            Detail = $"{server}: the server cannot be reached ({cause.Message}).",
            Advice = "check the URL, and that a node with the role web is running there.",
        },
        cause);

    internal static ExpoClusterException NotUnderstood(Uri? request, int status, Exception? cause = null) => new(
        new Problem
        {
            Code = UnexpectedAnswer,
            Title = "The answer is not an ExpoCluster server's",
            Status = status,
            Detail = $"{request}: status {status}, and a body that no ExpoCluster server sends.",
            Advice = "check that the URL is that of an ExpoCluster node, and that no proxy answers in its place.",
        },
        cause);
}
