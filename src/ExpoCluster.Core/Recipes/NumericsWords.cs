using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Core.Recipes;

/// <summary>The words for numerics in recipes, plans and records.</summary>
public static class NumericsWords
{
    public static string Word(this Numerics numerics) => numerics switch
    {
        Numerics.Exact => "exact",
        Numerics.Official => "official",
        Numerics.Stochastic => "stochastic",
        _ => throw new ArgumentOutOfRangeException(nameof(numerics), numerics, null),
    };

    /// <exception cref="FormatException">No such word.</exception>
    public static Numerics Parse(string word) => word switch
    {
        "exact" => Numerics.Exact,
        "official" => Numerics.Official,
        "stochastic" => Numerics.Stochastic,
        _ => throw new FormatException($"Unknown numerics '{word}'."),
    };
}
