using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using ExpoCluster.Core.Checkpoints;

namespace ExpoCluster.Core.Planning;

/// <summary>Norms of models that were converted from TensorFlow: <c>LayerNorm.gamma</c> is <c>LayerNorm.weight</c>, and <c>beta</c> is <c>bias</c>. Loaders know both.</summary>
internal static partial class NormNames
{
    /// <summary>Base with the names that aligned's norms have, so that the two are joined; the output keeps aligned's names.</summary>
    public static Checkpoint Follow(Checkpoint baseCheckpoint, Checkpoint aligned, ImmutableArray<string>.Builder notes)
    {
        bool isAlignedOld = aligned.Tensors.Keys.Any(OldName().IsMatch);
        string NameOf(string name) => aligned.Tensors.ContainsKey(name) ? name : isAlignedOld ? Known(OldOf(name)) ?? name : NewOf(name) ?? name;
        string? Known(string? name) => name is not null && aligned.Tensors.ContainsKey(name) ? name : null;

        int count = baseCheckpoint.Tensors.Keys.Count(name => NameOf(name) != name);
        if (count == 0 || TensorNaming.Map(baseCheckpoint, NameOf, out _) is not { } renamed)
        {
            return baseCheckpoint;
        }

        notes.Add(string.Create(
            CultureInfo.InvariantCulture,
            $"{count} tensor{(count == 1 ? "" : "s")} of norms in base taken by aligned's names: gamma is weight, and beta is bias"));
        return baseCheckpoint.Renamed(renamed);
    }

    private static string? NewOf(string name) => OldName().Match(name) is { Success: true } match ? match.Groups["norm"].Value + (match.Groups["gamma"].Success ? "weight" : "bias") : null;

    private static string? OldOf(string name) => NewName().Match(name) is { Success: true } match ? match.Groups["norm"].Value + (match.Groups["weight"].Success ? "gamma" : "beta") : null;

    // Not every gamma belongs to a norm: some scale a layer.
    [GeneratedRegex(@"^(?<norm>(?:.*\.)?(?:\w*norm\w*|ln\w*)\.)(?:(?<gamma>gamma)|beta)$", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex OldName();

    [GeneratedRegex(@"^(?<norm>(?:.*\.)?(?:\w*norm\w*|ln\w*)\.)(?:(?<weight>weight)|bias)$", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex NewName();
}
