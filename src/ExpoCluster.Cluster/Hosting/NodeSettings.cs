using System.Collections.Immutable;
using ExpoCluster.Cluster.Certificates;
using ExpoCluster.Cluster.Coordination;
using ExpoCluster.Cluster.Work;

namespace ExpoCluster.Cluster.Hosting;

/// <summary>One node of the cluster.</summary>
public sealed record NodeSettings
{
    /// <summary>Where coordinators and writers live.</summary>
    public const string CoordinatorRole = "coordinator";

    /// <summary>Serves HTTP.</summary>
    public const string WebRole = "web";

    /// <summary>Every role there is; one node may have all of them.</summary>
    public static readonly ImmutableArray<string> AllRoles = [CoordinatorRole, Work.Worker.Role, WebRole];

    public string Hostname { get; init; } = "127.0.0.1";

    /// <summary>0 takes any free one.</summary>
    public int Port { get; init; }

    public ImmutableArray<string> Roles { get; init; } = [CoordinatorRole, Work.Worker.Role];

    /// <summary>What this node has in common with others; null for a cluster that is never more than one node.</summary>
    public SharedSettings? Shared { get; init; }

    /// <summary>Remoting speaks TLS with it, and only with nodes of the same authority. A node of a cluster has one; one that is alone has no remoting.</summary>
    public NodeCertificate? Certificate { get; init; }

    public required JournalSettings Journal { get; init; }

    public required CoordinatorSettings Coordinators { get; init; }

    public required WorkerSettings Worker { get; init; }

    /// <summary>Akka's shards of each kind of entity; every node of a cluster must have the same number.</summary>
    public int Shards { get; init; } = 30;

    /// <summary>OFF, ERROR, WARNING, INFO or DEBUG.</summary>
    public string LogLevel { get; init; } = "WARNING";

    /// <summary>Assembly-qualified name of the actor that log events go to.</summary>
    public string LoggerType { get; init; } = "Akka.Event.StandardOutLogger, Akka";
}
