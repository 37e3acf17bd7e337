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

    /// <summary>How far to move on: 0 gives aligned, −1 gives base. Always finite.</summary>
    public required double Alpha { get; init; }

    public Numerics Numerics { get; init; }

    /// <summary>The dtype that arithmetic tensors are written in; null keeps each aligned tensor's own.</summary>
    public Dtype? OutputDtype { get; init; }

    public MismatchPolicy OnMismatch { get; init; }

    /// <summary>The largest output file in bytes; null keeps the aligned checkpoint's own partition into files.</summary>
    public long? MaxShardBytes { get; init; }

    /// <summary>The output directory; null where nothing is to be written.</summary>
    public string? Output { get; init; }

    /// <summary>One line of JSON with a fixed order of keys: equal recipes give equal text.</summary>
    public string ToCanonicalJson() => throw new NotImplementedException();

    /// <summary>The inverse of <see cref="ToCanonicalJson"/>.</summary>
    /// <exception cref="FormatException">The text did not come from <see cref="ToCanonicalJson"/>.</exception>
    public static Recipe FromCanonicalJson(string json) => throw new NotImplementedException();
}
