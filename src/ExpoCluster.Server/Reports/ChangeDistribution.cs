using System.Collections.Immutable;
using ExpoCluster.Core.Publishing;

namespace ExpoCluster.Server.Reports;

/// <summary>How many tensors changed how much, relative to themselves, in steps of a quarter of a power of ten.</summary>
/// <param name="Unchanged">Tensors that are equal in base and aligned.</param>
/// <param name="Steps">From the smallest change to the largest, without gaps.</param>
public sealed record ChangeDistribution(int Unchanged, ImmutableArray<ChangeStep> Steps)
{
    private const int StepsPerPower = 4;
    private const double Smallest = 1e-9;
    private const double Greatest = 1e9;

    public int Largest => Math.Max(Unchanged, Steps.IsEmpty ? 0 : Steps.Max(step => step.Tensors));

    internal static ChangeDistribution Of(ImmutableArray<ProvenanceTensor> tensors)
    {
        int[] steps =
        [
            .. tensors.Select(tensor => ReportSums.Of(tensor)).Where(sums => sums.Changed > 0 && sums.RelativeChange is > 0)
                .Select(sums => (int)Math.Floor(Math.Log10(Math.Clamp(sums.RelativeChange!.Value, Smallest, Greatest)) * StepsPerPower)),
        ];
        return new ChangeDistribution(
            tensors.Length - steps.Length,
            steps.Length == 0 ? [] :
            [
                .. Enumerable.Range(steps.Min(), steps.Max() - steps.Min() + 1)
                    .Select(step => new ChangeStep(BoundOf(step), BoundOf(step + 1), steps.Count(found => found == step))),
            ]);
    }

    private static double BoundOf(int step) => Math.Pow(10, (double)step / StepsPerPower);
}

/// <summary>Tensors whose relative change lies in a range.</summary>
public sealed record ChangeStep(double From, double To, int Tensors);
