using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Cluster.Serialization;
using ExpoCluster.Core.Jobs;

namespace ExpoCluster.EndToEnd;

/// <summary>A row of a cluster's journal, read as the product reads it.</summary>
public sealed record JournalledEvent(long Sequence, DateTimeOffset At, JobEvent Event)
{
    private static readonly JournalSerializer Serializer = new(null!);

    /// <summary>All that is journalled of one job, in order.</summary>
    public static ImmutableArray<JournalledEvent> Of(string job, PostgresServer database) =>
    [
        .. database.Query(
                $"select sequence_number, created, manifest, encode(message, 'hex') from journal where persistence_id = 'job-{job}' order by sequence_number")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(Parse),
    ];

    /// <summary>Replays the journal, which fails where an event contradicts those before it, and finds no part committed twice.</summary>
    /// <returns>What the job came to.</returns>
    public static JobState AssertConsistent(ImmutableArray<JournalledEvent> journal)
    {
        (int File, int Generation, int Part)[] committed =
        [
            .. journal.Select(row => row.Event).OfType<JobEvent.PartsCommitted>()
                .SelectMany(parts => parts.Parts.Select(part => (parts.File, parts.Generation, part.Part))),
        ];
        Assert.Equal(committed.Length, committed.Distinct().Count());
        Assert.Equal(Enumerable.Range(1, journal.Length).Select(number => (long)number), journal.Select(row => row.Sequence));
        return journal.Aggregate(JobState.Empty, (state, row) => state.Apply(row.Event));
    }

    private static JournalledEvent Parse(string line)
    {
        string[] columns = line.Split('|');
        string manifest = columns[2][(columns[2].LastIndexOf(',') + 1)..];
        return new JournalledEvent(
            long.Parse(columns[0], CultureInfo.InvariantCulture),
            new DateTimeOffset(long.Parse(columns[1], CultureInfo.InvariantCulture), TimeSpan.Zero),
            (JobEvent)Serializer.FromBinary(Convert.FromHexString(columns[3]), manifest));
    }
}
