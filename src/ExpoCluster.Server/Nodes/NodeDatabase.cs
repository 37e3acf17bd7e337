namespace ExpoCluster.Server.Nodes;

/// <summary>Where the journal is.</summary>
public abstract record NodeDatabase
{
    private NodeDatabase()
    {
    }

    /// <summary>A file, for a cluster of one node.</summary>
    public sealed record Sqlite(string Path) : NodeDatabase;

    /// <summary>A server, which the nodes also find each other by.</summary>
    public sealed record PostgreSql(string ConnectionString) : NodeDatabase
    {
        // A connection string holds a password, and records print themselves.
        public override string ToString() => nameof(PostgreSql);
    }
}
