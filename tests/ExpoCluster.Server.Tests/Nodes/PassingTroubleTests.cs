using System.Runtime.CompilerServices;
using Akka.Cluster.Sharding;
using Akka.Event;
using ExpoCluster.Server.Nodes;

namespace ExpoCluster.Server.Tests.Nodes;

public sealed class PassingTroubleTests
{
    private static readonly Type Coordinator = typeof(ClusterSharding).Assembly.GetType("Akka.Cluster.Sharding.DDataShardCoordinator", throwOnError: true)!;

    // An internal type of Akka's: when it is renamed this fails, and the log says again that a leaving node is an error.
    private static readonly Type Disassociated =
        typeof(Akka.Remote.RemoteSettings).Assembly.GetType("Akka.Remote.EndpointDisassociatedException", throwOnError: true)!;

    [Fact]
    public void A_connection_that_ends_with_its_node_is_no_error()
    {
        var cause = (Exception)RuntimeHelpers.GetUninitializedObject(Disassociated);

        Assert.Equal(LogLevel.WarningLevel, PassingTrouble.LevelOf(new Error(cause, "/system/endpointManager/writer", typeof(object), "Disassociated")));
    }

    [Theory]
    [InlineData("jobs: The ShardCoordinator was unable to update a distributed state within 'updating-state-timeout': 2000 millis (retrying).", LogLevel.WarningLevel)]
    [InlineData("jobs: The ShardCoordinator was unable to update a distributed state state with error and event.", LogLevel.ErrorLevel)]
    public void A_write_of_shardings_that_is_repeated_is_no_error(string message, LogLevel level) =>
        Assert.Equal(level, PassingTrouble.LevelOf(new Error(null, "/system/sharding", Coordinator, message)));

    [Fact]
    public void Any_other_error_is_one()
    {
        Assert.Equal(LogLevel.ErrorLevel, PassingTrouble.LevelOf(new Error(new IOException(), "/system/endpointManager/writer", typeof(object), "failed")));
        Assert.Equal(LogLevel.InfoLevel, PassingTrouble.LevelOf(new Info("/user", typeof(object), "said")));
    }
}
