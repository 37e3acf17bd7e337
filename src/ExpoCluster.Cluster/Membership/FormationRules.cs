using System.Collections.Immutable;

namespace ExpoCluster.Cluster.Membership;

/// <summary>Whether a node that is no member yet forms a cluster or joins one. It is asked while no other node can be.</summary>
internal static class FormationRules
{
    /// <summary>A member that has not been seen for so long may be dead; it is seen every two seconds.</summary>
    public static readonly TimeSpan StaleAfter = TimeSpan.FromSeconds(15);

    /// <summary>
    /// How long to knock at the doors of members that were not seen lately. When the database was away nobody was seen, and they
    /// may all be well: by then they have answered, or been seen again.
    /// </summary>
    public static readonly TimeSpan KnockFor = TimeSpan.FromSeconds(8);

    /// <summary>The nodes to ask to be let in, likeliest first; null to form the cluster.</summary>
    /// <param name="rows">All that the database knows.</param>
    /// <param name="self">This node's address: what is known under it is of an earlier process, for the port is ours now.</param>
    /// <param name="knocked">How long this node has asked in vain.</param>
    public static ImmutableArray<string>? Decide(IEnumerable<NodeRow> rows, string self, TimeSpan knocked)
    {
        ImmutableArray<NodeRow> members = [.. rows.Where(row => row.IsMember && row.Address != self).OrderBy(row => row.Age)];
        bool anyAlive = members.Any(member => member.Age < StaleAfter);
        return members.IsEmpty || (!anyAlive && knocked >= KnockFor) ? null : [.. members.Select(member => member.Address)];
    }
}
