using System.Text.RegularExpressions;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Core.SideFiles;

/// <summary>What the world may know of a reference: a model of the Hub, or the last segment of a local path.</summary>
/// <param name="Name">For example <c>mistralai/Mistral-7B-v0.1</c>.</param>
/// <param name="Reference">What a recipe says to mean the same model, with its revision if that is known.</param>
internal sealed partial record ModelName(string Name, string Reference)
{
    // A local path says nothing to others and may say too much.
    public static ModelName Of(string reference)
    {
        if (CheckpointReference.Of(reference) is { Key: { } key, Place: var place })
        {
            ModelName whole = Of(place);
            return whole with { Reference = new CheckpointReference(whole.Reference, key).ToString() };
        }

        Match hub = HubModel().Match(reference);
        if (!hub.Success)
        {
            string last = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(reference)));
            return new ModelName(last, last);
        }

        string name = $"{hub.Groups["org"].Value}/{hub.Groups["name"].Value}";
        Group revision = hub.Groups["revision"];
        return new ModelName(name, revision.Success ? $"hf:{name}@{revision.Value}" : $"hf:{name}");
    }

    /// <summary>The recipe as it may be published: checkpoints by public names, and nothing that does not decide about its bytes.</summary>
    public static Recipe PublicForm(Recipe recipe) =>
        recipe with { Base = Of(recipe.Base).Reference, Aligned = Of(recipe.Aligned).Reference, Output = null, Strict = false };

    /// <summary>Our own way to write it, or a directory of the Hub's cache, whose last segment is a commit.</summary>
    [GeneratedRegex(
        @"^hf:(?<org>[\w.-]+)/(?<name>[\w.-]+)(@(?<revision>.+))?$"
        + @"|(^|/)models--(?<org>[\w.]+(-[\w.]+)*)--(?<name>[\w.-]+)/snapshots/(?<revision>[0-9a-f]+)/?$",
        RegexOptions.ExplicitCapture)]
    private static partial Regex HubModel();
}
