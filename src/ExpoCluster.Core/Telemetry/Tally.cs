using System.Diagnostics.Metrics;

namespace ExpoCluster.Core.Telemetry;

/// <summary>Numbers by kinds that are known beforehand, kept here and read when somebody asks.</summary>
/// <remarks>
/// They are right whenever somebody begins to listen, and seen from zero on: whoever watches a rate would else miss the first
/// increase. Adding is one interlocked addition and allocates nothing.
/// </remarks>
public sealed class Tally
{
    private readonly string[] kinds;
    private readonly KeyValuePair<string, object?>[][] tags;
    private readonly long[] numbers;

    private Tally(string? label, string[] kinds)
    {
        this.kinds = label is null ? [""] : kinds;
        tags = label is null ? [[]] : [.. kinds.Select(kind => new KeyValuePair<string, object?>[] { new(label, kind) })];
        numbers = new long[this.kinds.Length];
    }

    /// <summary>A number that only grows.</summary>
    /// <param name="meter">Whose it is.</param>
    /// <param name="name">Of the instrument.</param>
    /// <param name="unit">UCUM, or an annotation in braces.</param>
    /// <param name="description">What is counted.</param>
    /// <param name="label">What the kinds are of; null for one number without kinds.</param>
    /// <param name="kinds">All there will ever be.</param>
    public static Tally Count(Meter meter, string name, string unit, string description, string? label = null, params string[] kinds)
    {
        var tally = new Tally(label, kinds);
        meter.CreateObservableCounter(name, tally.Read, unit, description);
        return tally;
    }

    /// <summary>A number that goes up and down.</summary>
    /// <param name="meter">Whose it is.</param>
    /// <param name="name">Of the instrument.</param>
    /// <param name="unit">UCUM, or an annotation in braces.</param>
    /// <param name="description">What is counted.</param>
    /// <param name="label">What the kinds are of; null for one number without kinds.</param>
    /// <param name="kinds">All there will ever be.</param>
    public static Tally Level(Meter meter, string name, string unit, string description, string? label = null, params string[] kinds)
    {
        var tally = new Tally(label, kinds);
        meter.CreateObservableUpDownCounter(name, tally.Read, unit, description);
        return tally;
    }

    public void Add(long amount) => Interlocked.Add(ref numbers[0], amount);

    public void Add(string kind, long amount = 1)
    {
        int index = Array.IndexOf(kinds, kind);
        if (index < 0)
        {
            throw new ArgumentOutOfRangeException(nameof(kind), kind, "No such kind was announced.");
        }

        Interlocked.Add(ref numbers[index], amount);
    }

    private IEnumerable<Measurement<long>> Read() => numbers.Select((_, index) => new Measurement<long>(Interlocked.Read(ref numbers[index]), tags[index]));
}
