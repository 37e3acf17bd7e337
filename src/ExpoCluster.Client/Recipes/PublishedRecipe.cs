namespace ExpoCluster.Client.Recipes;

/// <summary>The built-in recipes.</summary>
public sealed record RecipeList(IReadOnlyList<PublishedRecipe> Recipes);

/// <summary>A built-in recipe: a published model, to be made again by its name.</summary>
/// <param name="Name">What users write.</param>
/// <param name="Base">A reference to the Hub.</param>
/// <param name="Aligned">A reference to the Hub.</param>
/// <param name="Alpha">As published.</param>
/// <param name="Scores">As published.</param>
/// <param name="Licence">Of the aligned model.</param>
/// <param name="LicenceNote">What to know about it.</param>
/// <param name="Unverified">Why pair and alpha are to be doubted; null where they are published.</param>
/// <param name="Yaml">The recipe as a file.</param>
public sealed record PublishedRecipe(
    string Name,
    string Base,
    string Aligned,
    double Alpha,
    PublishedScores Scores,
    string Licence,
    string LicenceNote,
    string? Unverified,
    string Yaml);

/// <summary>Scores of a published pair.</summary>
public sealed record PublishedScores(ScorePair AlpacaEval2WinRate, ScorePair AlpacaEval2LengthControlledWinRate, ScorePair MtBench);

/// <summary>A score before and after.</summary>
/// <param name="Aligned">Of the aligned model.</param>
/// <param name="Merged">With ExPO.</param>
public sealed record ScorePair(double Aligned, double Merged);
