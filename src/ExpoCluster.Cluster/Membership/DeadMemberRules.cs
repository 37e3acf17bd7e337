using System.Collections.Immutable;

namespace ExpoCluster.Cluster.Membership;

/// <summary>Which members that cannot be reached are dead, and need not be decided about as the other side of a partition.</summary>
/// <remarks>
/// A member on the other side of a partition goes on to be seen in the database, or, where it has no database either, can do no harm:
/// it journals nothing. Akka's own resolver knows crashes by silence alone. It ends a whole cluster when a node crashes
/// that has just told the others of another crash, for it takes the second one for half connected.
/// </remarks>
internal static class DeadMemberRules
{
    /// <summary>A member that has not been seen for so long is dead; it is seen every two seconds.</summary>
    public static readonly TimeSpan DeadAfter = TimeSpan.FromSeconds(8);

    /// <summary>The members to give up.</summary>
    /// <param name="unreachable">Addresses of the members that cannot be reached.</param>
    /// <param name="rows">All that the database knows.</param>
    /// <param name="hasDatabaseFor">
    /// How long this node itself has been seen without a gap. After an outage of the database nobody has been seen for a while.
    /// </param>
    public static ImmutableArray<string> Find(IEnumerable<string> unreachable, IEnumerable<NodeRow> rows, TimeSpan hasDatabaseFor)
    {
        if (hasDatabaseFor < DeadAfter)
        {
            return [];
        }

        HashSet<string> seen = new(rows.Where(row => row.Age < DeadAfter).Select(row => row.Address), StringComparer.Ordinal);
        return [.. unreachable.Where(address => !seen.Contains(address))];
    }
}
