using Akka.Event;

namespace ExpoCluster.Server.Nodes;

/// <summary>What Akka calls an error, and what then mends itself: it belongs to nodes that come and go.</summary>
internal static class PassingTrouble
{
    private const string BrokenConnection = "EndpointDisassociatedException";
    private const string ShardCoordinator = "DDataShardCoordinator";
    private const string UpdateTimeout = "unable to update a distributed state within";

    /// <summary>How grave it is.</summary>
    public static LogLevel LevelOf(LogEvent entry) =>
        entry.LogLevel() == LogLevel.ErrorLevel && Passes(entry) ? LogLevel.WarningLevel : entry.LogLevel();

    // A connection to a node that left ends, and a new one is made when there is something to say. Sharding writes where each job lives to most
    // nodes, also to one that is a member and has not started its part yet; then it writes again.
    private static bool Passes(LogEvent entry) =>
        entry.Cause?.GetType().Name == BrokenConnection
        || (entry.LogClass.Name == ShardCoordinator && entry.Message.ToString()?.Contains(UpdateTimeout, StringComparison.Ordinal) == true);
}
