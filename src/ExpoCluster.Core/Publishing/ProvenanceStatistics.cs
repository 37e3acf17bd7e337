using System.Collections.Immutable;
using System.Text.Json.Serialization;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Methods;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Tensors.Statistics;

namespace ExpoCluster.Core.Publishing;

/// <summary>What a merge changed in one tensor, or in all of them, where Δ = aligned − base.</summary>
/// <param name="Elements">Elements that were extrapolated.</param>
/// <param name="Changed">Those whose aligned value differs from base's.</param>
/// <param name="Swallowed">Changed elements that rounding to the output dtype left where they were.</param>
/// <param name="EffectiveAlpha">Σ (output − aligned) · Δ / Σ Δ²; null where nothing changed.</param>
/// <param name="DeltaNorm">‖Δ‖.</param>
/// <param name="AlignedNorm">‖aligned‖.</param>
/// <param name="MaxDelta">max |Δ|.</param>
/// <param name="NaN">Outputs that are NaN.</param>
/// <param name="Infinite">Outputs that are infinite.</param>
/// <param name="Overflowed">Infinite outputs of finite inputs.</param>
public sealed record ProvenanceSums(
    long Elements,
    long Changed,
    long Swallowed,
    double? EffectiveAlpha,
    double DeltaNorm,
    double AlignedNorm,
    double MaxDelta,
    [property: JsonPropertyName("nan")] long NaN,
    long Infinite,
    long Overflowed)
{
    /// <summary>The share of the elements in which aligned differs from base; 0 for no elements.</summary>
    [JsonIgnore]
    public double ChangedShare => (double)Changed / Math.Max(1, Elements);

    /// <summary>The share of the changed elements that did not move; 0 where nothing changed.</summary>
    [JsonIgnore]
    public double SwallowedShare => (double)Swallowed / Math.Max(1, Changed);

    public static ProvenanceSums Of(DeltaSums sums) => new(
        sums.Elements,
        sums.Changed,
        sums.Swallowed,
        sums.EffectiveAlpha,
        sums.DeltaNorm,
        sums.AlignedNorm,
        sums.MaxDelta,
        sums.NaN,
        sums.Infinite,
        sums.Overflowed);
}

/// <summary>One tensor's statistics.</summary>
/// <param name="Name">Of the tensor.</param>
/// <param name="Alpha">That was asked for.</param>
/// <param name="Sums">What came of it.</param>
public sealed record ProvenanceTensor(string Name, double Alpha, ProvenanceSums Sums);

/// <summary>What a merge changed. Summed in the order of parts, so that every run gives the same figures.</summary>
/// <param name="Total">Over all extrapolated tensors.</param>
/// <param name="AskedAlpha">The alpha asked for, weighted as the effective one is: Σ alpha · Δ² / Σ Δ²; null where nothing changed.</param>
/// <param name="Tensors">Tensor by tensor, in the order of the files.</param>
public sealed record ProvenanceStatistics(ProvenanceSums Total, double? AskedAlpha, ImmutableArray<ProvenanceTensor> Tensors)
{
    /// <summary>Null where every result is finite, and in records that do not name them.</summary>
    public NotFiniteTensors? NotFinite { get; init; }

    /// <summary>Null where no part has statistics.</summary>
    internal static ProvenanceStatistics? Of(ImmutableArray<PlannedFile> plan, ImmutableArray<JobFileState> files)
    {
        var tensors = ImmutableArray.CreateBuilder<ProvenanceTensor>();
        DeltaSums total = default;
        double asked = 0;
        double askedOf = 0;
        for (int file = 0; file < files.Length; file++)
        {
            foreach ((int index, DeltaSums sums) in Gather(files[file]))
            {
                total += sums;
                if (index >= 0)
                {
                    PlannedTensor tensor = plan[file].Tensors[index];
                    asked += ExpoMethod.AlphaOf(tensor.Parameters) * sums.SquaredDelta;
                    askedOf += sums.SquaredDelta;
                    tensors.Add(new ProvenanceTensor(tensor.Entry.Name, ExpoMethod.AlphaOf(tensor.Parameters), ProvenanceSums.Of(sums)));
                }
            }
        }

        return total.Elements == 0
            ? null
            : Of(total, OneAlpha(tensors, asked, askedOf), tensors.ToImmutable());
    }

    private static ProvenanceStatistics Of(DeltaSums total, double? asked, ImmutableArray<ProvenanceTensor> tensors) =>
        new(ProvenanceSums.Of(total), asked, tensors) { NotFinite = NotFiniteTensors.Of(tensors) };

    private static double? OneAlpha(ImmutableArray<ProvenanceTensor>.Builder tensors, double weighted, double weights)
    {
        if (weights == 0)
        {
            return null;
        }

        // One alpha for all is given back as it was asked for, not as a quotient.
        return tensors.All(tensor => tensor.Alpha == tensors[0].Alpha) ? tensors[0].Alpha : weighted / weights;
    }

    // Tensors come in the order of the file, and one goes on where the part before it ended.
    private static IEnumerable<(int Tensor, DeltaSums Sums)> Gather(JobFileState file)
    {
        var sums = new SortedDictionary<int, DeltaSums>();
        foreach (TensorSums tensor in file.Statistics.SelectMany(part => PartStatistics.Decode(part.Span)))
        {
            sums[tensor.Tensor] = sums.GetValueOrDefault(tensor.Tensor) + tensor.Sums;
        }

        return sums.Select(pair => (pair.Key, pair.Value));
    }
}
