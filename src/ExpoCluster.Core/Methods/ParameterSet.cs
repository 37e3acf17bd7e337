using System.Collections.Immutable;

namespace ExpoCluster.Core.Methods;

/// <summary>The values of a method's parameters for one tensor, in the order in which the method names them.</summary>
/// <param name="Global">Those that are given once.</param>
/// <param name="PerModel">Those that each model has, model by model; empty where the method has none.</param>
public sealed record ParameterSet(ImmutableArray<double> Global, ImmutableArray<ImmutableArray<double>> PerModel)
{
    public ParameterSet(params ImmutableArray<double> global)
        : this(global, [])
    {
    }

    public bool Equals(ParameterSet? other) => other is not null
        && Global.SequenceEqual(other.Global)
        && PerModel.Length == other.PerModel.Length
        && PerModel.Zip(other.PerModel).All(pair => pair.First.SequenceEqual(pair.Second));

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (double value in Global.Concat(PerModel.SelectMany(values => values)))
        {
            hash.Add(value);
        }

        return hash.ToHashCode();
    }
}
