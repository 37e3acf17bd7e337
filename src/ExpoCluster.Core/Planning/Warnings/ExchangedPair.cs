using System.Text.RegularExpressions;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Recipes.BuiltIn;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Planning.Warnings;

/// <summary>Signs that base and aligned were given the other way round. Weights cannot tell, but names and configurations do.</summary>
internal static partial class ExchangedPair
{
    /// <summary>What speaks for it; null where nothing does.</summary>
    /// <param name="recipe">Names the two.</param>
    /// <param name="baseCheckpoint">Given as base.</param>
    /// <param name="aligned">Given as aligned.</param>
    public static string? Find(Recipe recipe, Checkpoint baseCheckpoint, Checkpoint aligned)
    {
        if (recipe.Alpha.IsBelowZero)
        {
            // Between the two, or beyond base: neither came first.
            return null;
        }

        string nameOfBase = ModelName.Of(recipe.Base).Name;
        string nameOfAligned = ModelName.Of(recipe.Aligned).Name;
        if (StartedFrom(baseCheckpoint, nameOfAligned) && !StartedFrom(aligned, nameOfBase))
        {
            return $"base's config.json says that it was made from {Printable.Of(nameOfAligned)}, which is aligned";
        }

        if (BuiltInRecipes.All.Any(known => ModelName.Of(known.Base).Name == nameOfAligned && ModelName.Of(known.Aligned).Name == nameOfBase))
        {
            return $"of the published pair {Printable.Of(nameOfAligned)} is base and {Printable.Of(nameOfBase)} aligned";
        }

        if (nameOfAligned.Length > 0 && nameOfBase.StartsWith(nameOfAligned, StringComparison.OrdinalIgnoreCase) && TunedEnding().IsMatch(nameOfBase[nameOfAligned.Length..]))
        {
            return $"base is called {Printable.Of(nameOfBase)}, as what was trained from {Printable.Of(nameOfAligned)}, which is aligned";
        }

        bool looksExchanged = AfterTraining().IsMatch(nameOfBase) && !BeforeTraining().IsMatch(nameOfBase)
            && BeforeTraining().IsMatch(nameOfAligned) && !AfterTraining().IsMatch(nameOfAligned);
        return looksExchanged ? $"base is called {Printable.Of(nameOfBase)} and aligned {Printable.Of(nameOfAligned)}" : null;
    }

    private static bool StartedFrom(Checkpoint checkpoint, string name) =>
        checkpoint.Nature.Config.Text("_name_or_path") is { Length: > 0 } path && name.Length > 0 && (path == name || path.EndsWith("/" + name, StringComparison.Ordinal));

    [GeneratedRegex(@"(?:^|[^a-z])(?:dpo|rlhf|rlaif|ppo|grpo|orpo|simpo|kto|ipo|cpo|aligned|reinforce)(?:[^a-z]|$)", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex AfterTraining();

    [GeneratedRegex(@"^[-_.](?:instruct|it|chat|rlhf|dpo)$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex TunedEnding();

    [GeneratedRegex(@"(?:^|[^a-z])(?:sft|base|pretrain|pretrained)(?:[^a-z]|$)", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex BeforeTraining();
}
