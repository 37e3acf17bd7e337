using System.Collections.Immutable;
using ExpoCluster.Cluster.Membership;
using ExpoCluster.Cluster.Register;

namespace ExpoCluster.Cluster.Schema;

/// <summary>All versions that a database's tables have had. What was released is never changed: what is to be different becomes a step of its own.</summary>
internal static class SchemaSteps
{
    /// <summary>Of a cluster.</summary>
    public static readonly ImmutableArray<SchemaStep> PostgreSql =
    [
        new(1, OldestNode: 1, DatabaseTables.Sql + RegisterSql.Create),
        new(2, OldestNode: 1, RegisterSql.IndexEnded),
        new(3, OldestNode: 1, DatabaseTables.AllowReturn),
    ];

    /// <summary>Of a node alone. Its journal makes its tables itself.</summary>
    public static readonly ImmutableArray<SchemaStep> Sqlite =
    [
        new(1, OldestNode: 1, RegisterSql.Create),
        new(2, OldestNode: 1, RegisterSql.IndexEnded),
        // Of several writers a node alone knows nothing; the numbers are the same for both.
        new(3, OldestNode: 1, "select 1"),
    ];
}
