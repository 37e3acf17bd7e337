using System.Collections.Immutable;

namespace ExpoCluster.Core.Checkpoints.Understanding;

/// <summary>One way in which weights of a checkpoint are quantised: codes, and what they are read with.</summary>
/// <param name="Name">For people, for example <c>FP8 with scales per block</c>.</param>
/// <param name="Weights">Names of the tensors that hold codes.</param>
/// <param name="Scales">Names of the tensors that hold scales.</param>
/// <param name="Others">Names of what else the codes are read with: zero points, indices, tables.</param>
public sealed record QuantisedFormat(
    string Name, ImmutableArray<string> Weights, ImmutableArray<string> Scales, ImmutableArray<string> Others)
{
    /// <summary>
    /// Its names are such as tables of a plain model have as well, and no configuration names a quantisation. Codes that are equal in base and aligned are then
    /// no reason to refuse: they are copied, and what they are multiplied with are weights.
    /// </summary>
    public bool IsSuspected { get; init; }

    /// <summary>All of its tensors.</summary>
    public IEnumerable<string> Tensors => Weights.Concat(Scales).Concat(Others);
}
