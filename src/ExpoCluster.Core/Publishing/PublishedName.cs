using System.Text.RegularExpressions;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.SideFiles;

namespace ExpoCluster.Core.Publishing;

/// <summary>What a published record says of places: a model of the Hub, or the last folder. Where it lay on somebody's disk is nobody's business.</summary>
internal static partial class PublishedName
{
    /// <summary>The recipe with names in the place of local paths, and without what does not decide about bytes.</summary>
    public static Recipe Of(Recipe recipe) => recipe with
    {
        Base = ModelName.Of(recipe.Base).Reference, Aligned = ModelName.Of(recipe.Aligned).Reference, Output = null, Strict = false,
    };

    /// <summary>The file relative to its checkpoint: <c>FOLDER/FILE</c>, or <c>hf:org/name/FILE</c>.</summary>
    /// <param name="path">Absolute, links resolved, or <c>hf:…</c>.</param>
    public static string OfFile(string path)
    {
        if (HubReference.Matches(path))
        {
            return path;
        }

        string file = Path.GetFileName(path);
        if (Cached().Match(path) is { Success: true } hub)
        {
            return $"hf:{hub.Groups["org"].Value}/{hub.Groups["name"].Value}/{file}";
        }

        string folder = Path.GetFileName(Path.GetDirectoryName(path) ?? "");
        return folder.Length == 0 ? file : $"{folder}/{file}";
    }

    [GeneratedRegex(@"(?:^|/)models--(?<org>[\w.]+(?:-[\w.]+)*)--(?<name>[\w.-]+)/(?:blobs|snapshots)/", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant)]
    private static partial Regex Cached();
}
