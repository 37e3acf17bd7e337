using System.Text.RegularExpressions;

namespace ExpoCluster.Core.Jobs;

/// <summary>What the id of a job looks like. Paths and addresses are made of it.</summary>
public static partial class JobId
{
    /// <summary>Whether a job could have this id.</summary>
    public static bool IsOne(string text) => Form().IsMatch(text);

    [GeneratedRegex(@"^[a-z0-9][a-z0-9-]{0,62}\z")]
    private static partial Regex Form();
}
