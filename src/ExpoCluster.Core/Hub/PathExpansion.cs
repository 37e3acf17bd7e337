using System.Text.RegularExpressions;

namespace ExpoCluster.Core.Hub;

/// <summary>Paths in variables, as a shell would read them: <c>~</c>, <c>$NAME</c> and <c>${NAME}</c>.</summary>
internal static partial class PathExpansion
{
    public static string Expand(string path, IReadOnlyDictionary<string, string> variables, string userDirectory)
    {
        string expanded = Variable().Replace(path, match =>
            variables.TryGetValue(match.Groups["name"].Value, out string? value) ? value : match.Value);
        return expanded == "~" || expanded.StartsWith("~/", StringComparison.Ordinal) ? userDirectory + expanded[1..] : expanded;
    }

    [GeneratedRegex(@"\$(\{(?<name>\w+)\}|(?<name>\w+))", RegexOptions.ExplicitCapture)]
    private static partial Regex Variable();
}
