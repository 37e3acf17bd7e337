using ExpoCluster.Client.Nodes;

namespace ExpoCluster.Server.Nodes;

/// <summary>A node that is no member yet, as it answers whoever asks how it is.</summary>
internal sealed class StartingNode
{
    private const string NoMember = "this node starts, and is no member of the cluster yet";

    private volatile string? missing = "the database has not been asked yet";

    /// <summary>Checks that can be made by now; the others are made when it is a member.</summary>
    public NodeHealth Health
    {
        get
        {
            string? database = missing;
            return new NodeHealth("unavailable", [new HealthCheck("cluster", Holds: false, NoMember), new HealthCheck("database", database is null, database)]);
        }
    }

    /// <summary>The database answers, or why it does not.</summary>
    /// <param name="why">Null when it answers.</param>
    public void SeeDatabase(string? why) => missing = why is null ? null : $"the database does not answer ({why})";
}
