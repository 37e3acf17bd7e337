using System.Data.Common;
using Akka.Cluster;
using ExpoCluster.Client.Nodes;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Server.Jobs;

namespace ExpoCluster.Server.Nodes;

/// <summary>
/// Whether a node can do its work: it is a member, the database with journal and register answers, its storage is there, and where it
/// takes requests, one of its planners can be had.
/// </summary>
internal sealed class NodeReadiness(ClusterNode node, JobSubmission submission)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>All checks at once, each with the reason when it does not hold.</summary>
    public async Task<NodeHealth> CheckAsync(CancellationToken cancellation)
    {
        HealthCheck[] checks = await Task.WhenAll(
            [Task.FromResult(Membership()), DatabaseAsync(cancellation), StorageAsync(), .. Planners()]).ConfigureAwait(false);
        return new NodeHealth(checks.All(check => check.Holds) ? "ok" : "unavailable", checks);
    }

    private HealthCheck Membership()
    {
        Akka.Cluster.Cluster cluster = node.Node.Cluster;
        bool isUp = !cluster.IsTerminated && cluster.SelfMember.Status == MemberStatus.Up;
        return Of("cluster", isUp ? null : $"this node is no member of the cluster: {cluster.SelfMember.Status.ToString().ToLowerInvariant()}");
    }

    // A node without the role web plans nothing.
    private IEnumerable<Task<HealthCheck>> Planners() =>
        node.Options.Has(NodeSettings.WebRole) ? [Task.FromResult(Of("planners", submission.Planners.Problem))] : [];

    private async Task<HealthCheck> DatabaseAsync(CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(Patience);
        try
        {
            // A driver may take longer to give up than it was told to.
            await node.Register.PingAsync(patience.Token).WaitAsync(Patience, cancellation).ConfigureAwait(false);
            return Of("database", problem: null);
        }
        catch (DbException exception)
        {
            return Of("database", $"the database does not answer ({exception.GetBaseException().Message})");
        }
        catch (Exception exception) when (exception is OperationCanceledException or TimeoutException && !cancellation.IsCancellationRequested)
        {
            return Of("database", $"the database did not answer within {Patience.TotalSeconds:0} s");
        }
    }

    private async Task<HealthCheck> StorageAsync()
    {
        IEnumerable<string> problems = (await node.StorageSight.LookAsync(Patience).ConfigureAwait(false)).Select(root => root.Problem).OfType<string>();
        return Of("storage", string.Join("; ", problems) is { Length: > 0 } problem ? problem : null);
    }

    private static HealthCheck Of(string name, string? problem) => new(name, problem is null, problem);
}
