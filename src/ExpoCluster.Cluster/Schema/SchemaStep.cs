namespace ExpoCluster.Cluster.Schema;

/// <summary>How a database comes to a version of its tables from the one before.</summary>
/// <param name="Version">That it has afterwards.</param>
/// <param name="OldestNode">The version that a node must know to work with the database afterwards; the same as before for whatever only adds, so that
/// the nodes of a running cluster can be replaced one after the other.</param>
/// <param name="Sql">May be run on a database that has all of it already.</param>
internal sealed record SchemaStep(int Version, int OldestNode, string Sql);

/// <summary>What a database says of itself.</summary>
/// <param name="Version">Of its tables.</param>
/// <param name="OldestNode">The version that a node must know to work with it.</param>
internal readonly record struct SchemaMark(int Version, int OldestNode);
