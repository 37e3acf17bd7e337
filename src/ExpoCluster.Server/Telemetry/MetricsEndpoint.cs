using ExpoCluster.Server.Access;
using ExpoCluster.Server.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;

namespace ExpoCluster.Server.Telemetry;

/// <summary>The node's metrics as Prometheus reads them. Whoever may look may read them.</summary>
internal static class MetricsEndpoint
{
    public const string Path = "/metrics";

    public static void Map(IEndpointRouteBuilder endpoints, ClusterNode node)
    {
        if (node.Telemetry.Metrics is { } metrics)
        {
            endpoints.MapPrometheusScrapingEndpoint(Path, metrics, configureBranchedPipeline: null, optionsName: null).RequireAuthorization(AccessPolicies.Look);
        }
    }
}
