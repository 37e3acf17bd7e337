using System.Collections.Immutable;
using ExpoCluster.Cluster.Membership;

namespace ExpoCluster.Cluster.Schema;

/// <summary>Which steps a database needs, and whether this program may work with it at all.</summary>
internal static class SchemaRules
{
    /// <param name="found">Null for an empty database, and for one that was made before databases said it.</param>
    /// <param name="known">All steps that this program knows, in order.</param>
    /// <exception cref="ClusterException">A newer version has changed it so that this one would do harm.</exception>
    public static ImmutableArray<SchemaStep> Missing(SchemaMark? found, ImmutableArray<SchemaStep> known)
    {
        int newest = known[^1].Version;
        if (found is { } mark && mark.OldestNode > newest)
        {
            throw new ClusterException(
                ClusterException.NewerDatabase,
                $"the database is of version {mark.Version}, for nodes that know at least version {mark.OldestNode}, and this one knows version {newest}.",
                "start the version of ExpoCluster that the database was last used with, or a newer one; to go back, restore the backup from before the upgrade.");
        }

        return [.. known.Where(step => step.Version > (found?.Version ?? 0))];
    }
}
