namespace ExpoCluster.Client.Problems;

/// <summary>An error as the server tells it (RFC 9457, <c>application/problem+json</c>).</summary>
public sealed record Problem
{
    public const string MediaType = "application/problem+json";

    /// <summary>A name for the kind of problem, made from its code.</summary>
    public string? Type { get; init; }

    public string? Title { get; init; }

    /// <summary>Of the HTTP response.</summary>
    public int Status { get; init; }

    /// <summary>What, where, expected and found.</summary>
    public string? Detail { get; init; }

    /// <summary>For example <c>EXPO2003</c>.</summary>
    public required string Code { get; init; }

    /// <summary>What to do.</summary>
    public string? Advice { get; init; }

    /// <summary>All that is wrong, where more than one thing can be.</summary>
    public IReadOnlyList<ProblemDetail> Problems { get; init => field = value ?? []; } = [];
}

/// <summary>One of several things that are wrong.</summary>
/// <param name="Code">For example <c>EXPO2003</c>.</param>
/// <param name="Path">Where: a key of the recipe, or a tensor.</param>
/// <param name="Message">What is wrong.</param>
/// <param name="Advice">What to do; null where the whole problem says it.</param>
public sealed record ProblemDetail(string Code, string Path, string Message, string? Advice);
