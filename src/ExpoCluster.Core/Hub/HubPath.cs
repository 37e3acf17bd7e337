using System.Text;
using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Core.Hub;

/// <summary>Paths of a listing become paths of this machine, and a listing is downloaded text.</summary>
internal static class HubPath
{
    private const int MaxNameBytes = 255;

    /// <summary>True for what stays inside a folder by the rules of every operating system.</summary>
    public static bool IsSafe(string path) =>
        path.Length is > 0 and <= 4096
        && path.AsSpan().IndexOfAny("\\:\0") < 0
        && path.Split('/').All(segment => segment is not ("" or "." or ".."));

    /// <summary>True for what a recipe's text may be, and a name on every file system.</summary>
    public static bool IsPlain(string path) =>
        DraftValue.IsPlain(path) && path.Split('/').All(segment => Encoding.UTF8.GetByteCount(segment) <= MaxNameBytes);

    /// <summary>As it stands in a URL: every segment escaped, the slashes kept.</summary>
    public static string Escape(string path) => string.Join('/', path.Split('/').Select(Uri.EscapeDataString));
}
