using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Hub;

/// <summary>The Hub cannot be reached, refuses, or gives something else than it promised.</summary>
public sealed class HubException(string code, string where, string problem, string advice, Exception? innerException = null)
    : ExpoException(code, $"{where}: {problem}", advice, innerException)
{
    public string Problem { get; } = problem;

    /// <summary>The model, file or variable that it is about.</summary>
    public string Where { get; } = where;

    /// <summary>Trying again later can help; nothing about the model or the user is wrong.</summary>
    public bool IsOutage => Code is HubErrors.Unreachable or HubErrors.ServerFailed or HubErrors.RateLimited;

    /// <summary>The answer says that what is asked for does not exist, so a cached copy would be a wrong answer.</summary>
    internal bool IsFinal => Code is HubErrors.RevisionMissing or HubErrors.FileMissing;
}
