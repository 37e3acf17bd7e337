using System.Collections.Immutable;
using Akka.Persistence;
using Akka.Persistence.Journal;

namespace ExpoCluster.Cluster.Tests;

/// <summary>A journal in memory that fails every write while it is told to.</summary>
public sealed class RefusableJournal : MemoryJournal
{
    private static volatile int refusals;

    /// <summary>How many of the next writes fail.</summary>
    public static int Refusals
    {
        get => refusals;
        set => refusals = value;
    }

    protected override Task<IImmutableList<Exception>> WriteMessagesAsync(IEnumerable<AtomicWrite> messages, CancellationToken cancellationToken)
    {
        if (refusals > 0)
        {
            refusals--;
            throw new IOException("the disk is full, says the test");
        }

        return base.WriteMessagesAsync(messages, cancellationToken);
    }
}
