namespace ExpoCluster.Cluster.Hosting;

/// <summary>What all nodes of a cluster have in common.</summary>
/// <param name="DatabaseConnectionString">Of its PostgreSQL.</param>
/// <param name="Fingerprint">What must be equal on all nodes, as text; a node with another one is not let in.</param>
public sealed record SharedSettings(string DatabaseConnectionString, string Fingerprint)
{
    // A connection string holds a password, and records print themselves.
    public override string ToString() => Fingerprint;
}
