namespace ExpoCluster.Core.Recipes.BuiltIn;

/// <summary>A benchmark's figure as the authors of ExPO published it. Nothing here was measured by this program.</summary>
/// <param name="Aligned">Of the aligned model.</param>
/// <param name="Merged">Of the model that ExPO makes of it.</param>
public sealed record PublishedScore(double Aligned, double Merged);
