using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Publishing;

/// <summary>Tensors of an output that hold values which are no finite numbers.</summary>
/// <param name="Overflowed">Names of those in which results were too large for the output's dtype.</param>
/// <param name="Inherited">Names of those in which inputs were NaN or infinite.</param>
public sealed record NotFiniteTensors(ImmutableArray<string> Overflowed, ImmutableArray<string> Inherited)
{
    private const int MaxNamed = 5;

    public bool IsEmpty => Overflowed.IsEmpty && Inherited.IsEmpty;

    /// <param name="statistics">Of one output; null where nothing was measured.</param>
    public static NotFiniteTensors Of(ProvenanceStatistics? statistics) => statistics is null ? new([], []) : new(
        [.. statistics.Tensors.Where(tensor => tensor.Sums.Overflowed > 0).Select(tensor => tensor.Name)],
        [.. statistics.Tensors.Where(tensor => tensor.Sums.NaN > 0 || tensor.Sums.Infinite > tensor.Sums.Overflowed).Select(tensor => tensor.Name)]);

    /// <summary>The first names and the count, for people.</summary>
    public static string Describe(ImmutableArray<string> names) =>
        string.Create(CultureInfo.InvariantCulture, $"in {names.Length} tensor{(names.Length == 1 ? "" : "s")}: {Printable.Some(names, MaxNamed)}");
}

/// <summary>A strict merge ends before it publishes a model with values that are no finite numbers.</summary>
public sealed class NotFiniteException(NotFiniteTensors tensors)
    : ExpoException(
        ErrorCode,
        string.Join(" ", Sentences(tensors)),
        "look at these tensors in the inputs; --dtype bf16 or f32 holds larger values than f16. Nothing was published; --restart begins anew.")
{
    private const string ErrorCode = "EXPO1230";

    private static IEnumerable<string> Sentences(NotFiniteTensors tensors)
    {
        if (!tensors.Overflowed.IsEmpty)
        {
            yield return $"results are too large for the output's dtype and became infinite {NotFiniteTensors.Describe(tensors.Overflowed)}.";
        }

        if (!tensors.Inherited.IsEmpty)
        {
            yield return $"values are NaN or infinite, as the inputs made them, {NotFiniteTensors.Describe(tensors.Inherited)}.";
        }
    }
}
