using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Storage;
using ExpoCluster.Server.Access;
using ExpoCluster.Server.Jobs;

namespace ExpoCluster.Server.Dashboard;

/// <summary>Where the pages have everything from that they show: this process's own node, and through it the cluster.</summary>
/// <param name="Node">The actors.</param>
/// <param name="Register">The list of all jobs.</param>
/// <param name="Plans">Of this node.</param>
/// <param name="Live">What coordinators say.</param>
/// <param name="Desk">The way to coordinators.</param>
/// <param name="Version">Of this program.</param>
public sealed record DashboardSources(Node Node, JobRegister Register, PlanStore Plans, LiveJobs Live, JobDesk Desk, string Version)
{
    /// <summary>Takes new jobs; null where one merge is all there is.</summary>
    public JobSubmission? Submission { get; init; }

    /// <summary>What paths of new jobs may lead to.</summary>
    public StorageRoots? Roots { get; init; }

    /// <summary>Told who does what; null where only one person can.</summary>
    internal Audit? Audit { get; init; }

    /// <summary>The one job of an embedded merge; null on a cluster.</summary>
    public string? EmbeddedJob { get; init; }

    public bool IsEmbedded => EmbeddedJob is not null;
}
