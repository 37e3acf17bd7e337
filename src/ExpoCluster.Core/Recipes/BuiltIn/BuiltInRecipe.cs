using System.Globalization;

namespace ExpoCluster.Core.Recipes.BuiltIn;

/// <summary>A recipe that comes with the program: a published ExPO model, to be made again by its name.</summary>
/// <param name="Name">What users write.</param>
/// <param name="Aligned">A model of the Hub, as <c>org/name</c>.</param>
/// <param name="Base">A model of the Hub, as <c>org/name</c>.</param>
/// <param name="Alpha">As published.</param>
/// <param name="WinRate">AlpacaEval 2.0, win rate in per cent.</param>
/// <param name="ControlledWinRate">AlpacaEval 2.0, length-controlled win rate in per cent.</param>
/// <param name="MtBench">MT-Bench, 1 to 10.</param>
/// <param name="Licence">Of the aligned model.</param>
public sealed record BuiltInRecipe(
    string Name,
    string Aligned,
    string Base,
    double Alpha,
    PublishedScore WinRate,
    PublishedScore ControlledWinRate,
    PublishedScore MtBench,
    ModelLicence Licence)
{
    /// <summary>Why pair and alpha are to be doubted; null where they are published.</summary>
    public string? Unverified { get; init; }

    /// <summary>The recipe file: what <c>expocluster recipes NAME</c> prints and what <see cref="Draft"/> reads.</summary>
    public string Yaml => string.Create(
        CultureInfo.InvariantCulture,
        $"""
        # Published: AlpacaEval 2.0 win rate {WinRate.Aligned:0.0} -> {WinRate.Merged:0.0}, length-controlled {ControlledWinRate.Aligned:0.0} -> {ControlledWinRate.Merged:0.0},
        # MT-Bench {MtBench.Aligned:0.00} -> {MtBench.Merged:0.00} (aligned -> with ExPO; the authors' figures, not measured here).
        # Licence: {Licence.Note}
        {(Unverified is null ? "" : $"# {Unverified}\n")}name: {Name}-expo
        method: expo
        base: hf:{Base}
        aligned: hf:{Aligned}
        alpha: {Alpha}
        numerics: exact
        dtype: aligned

        """).ReplaceLineEndings("\n");

    public RecipeDraft Draft() => RecipeDraft.FromYaml(Yaml, Name);
}
