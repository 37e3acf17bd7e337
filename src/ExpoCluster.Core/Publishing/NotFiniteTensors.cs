using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Serialization;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Publishing;

/// <summary>A tensor with results that are NaN or infinite.</summary>
/// <param name="Name">As the file spells it.</param>
/// <param name="NaN">Results that are NaN.</param>
/// <param name="Infinite">Results that are infinite.</param>
/// <param name="Overflowed">Of the infinite ones, those of finite inputs.</param>
public sealed record NotFiniteTensor(string Name, [property: JsonPropertyName("nan")] long NaN, long Infinite, long Overflowed);

/// <summary>Which tensors of an output have results that are NaN or infinite.</summary>
/// <param name="Count">How many tensors.</param>
/// <param name="First">The first of them, in the order of the files.</param>
public sealed record NotFiniteTensors(int Count, ImmutableArray<NotFiniteTensor> First)
{
    /// <summary>So many are named.</summary>
    public const int MostNamed = 12;

    /// <summary>Null where every result is finite.</summary>
    public static NotFiniteTensors? Of(ImmutableArray<ProvenanceTensor> tensors)
    {
        ImmutableArray<NotFiniteTensor> found =
        [
            .. from tensor in tensors
               where tensor.Sums is { NaN: > 0 } or { Infinite: > 0 }
               select new NotFiniteTensor(tensor.Name, tensor.Sums.NaN, tensor.Sums.Infinite, tensor.Sums.Overflowed),
        ];
        return found.IsEmpty ? null : new NotFiniteTensors(found.Length, [.. found.Take(MostNamed)]);
    }

    /// <summary>The tensors by name with their figures, as <c>2 tensors: a.weight (3 NaN), b.weight (1 overflowed)</c>.</summary>
    public string Describe()
    {
        string named = string.Join(", ", First.Select(tensor => $"{Printable.Of(tensor.Name)} ({Figures(tensor)})"));
        string more = Count > First.Length ? string.Create(CultureInfo.InvariantCulture, $" and {Count - First.Length} more") : "";
        return string.Create(CultureInfo.InvariantCulture, $"{Count} tensor{(Count == 1 ? "" : "s")}: {named}{more}");
    }

    private static string Figures(NotFiniteTensor tensor) => string.Join(", ", new[]
    {
        Figure(tensor.NaN, "NaN"),
        Figure(tensor.Overflowed, "overflowed"),
        Figure(tensor.Infinite - tensor.Overflowed, "infinite"),
    }.OfType<string>());

    private static string? Figure(long count, string what) => count > 0 ? string.Create(CultureInfo.InvariantCulture, $"{count:N0} {what}") : null;
}
