using System.Collections.Immutable;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Core.Recipes;

/// <summary>What the user wants merged, and how: checked, complete and immutable.</summary>
public sealed record Recipe
{
    public string? Name { get; init; }

    /// <summary>The merge method; this version has <c>expo</c>.</summary>
    public string Method { get; init; } = "expo";

    /// <summary>The reference of the checkpoint before preference training.</summary>
    public required string Base { get; init; }

    /// <summary>The reference of the checkpoint after it.</summary>
    public required string Aligned { get; init; }

    /// <summary>How far to move on: 0 gives aligned, −1 gives base.</summary>
    public required AlphaRule Alpha { get; init; }

    /// <summary>Several alphas, each for an output of its own, in place of <see cref="Alpha"/>; empty for one output.</summary>
    public ImmutableArray<double> Sweep { get; init; } = [];

    public Numerics Numerics { get; init; }

    /// <summary>Of stochastic rounding: another seed gives other bytes.</summary>
    public long Seed { get; init; }

    /// <summary>The dtype that arithmetic tensors are written in; null keeps each aligned tensor's own.</summary>
    public Dtype? OutputDtype { get; init; }

    public MismatchRule OnMismatch { get; init; } = MismatchPolicy.Error;

    /// <summary>How tensors are called when the two are joined; the first rule of a checkpoint that matches a name counts.</summary>
    public ImmutableArray<TensorRename> Renames { get; init; } = [];

    /// <summary>What must hold of the checkpoints.</summary>
    public RecipeRequirements Requires { get; init; } = RecipeRequirements.None;

    /// <summary>What was passed over when the recipe was read, one sentence each. No part of what is asked for.</summary>
    public ImmutableArray<string> Notes { get; init; } = [];

    /// <summary>Whatever would be a warning is an error. Changes no byte of the output.</summary>
    public bool Strict { get; init; }

    /// <summary>The largest output file in bytes; null keeps the aligned checkpoint's own partition into files.</summary>
    public long? MaxShardBytes { get; init; }

    /// <summary>The output directory; null where nothing is to be written.</summary>
    public string? Output { get; init; }

    /// <summary>The recipe that would make one output of a sweep alone.</summary>
    public Recipe OfVariant(int variant) => Sweep.IsEmpty ? this : this with { Alpha = Sweep[variant], Sweep = [] };

    /// <summary>One line of JSON with a fixed order of keys: equal recipes give equal text.</summary>
    public string ToCanonicalJson() => RecipeJson.Write(this);

    /// <summary>The inverse of <see cref="ToCanonicalJson"/>.</summary>
    /// <exception cref="FormatException">The text did not come from <see cref="ToCanonicalJson"/>.</exception>
    public static Recipe FromCanonicalJson(string json) => RecipeJson.Read(json);
}
