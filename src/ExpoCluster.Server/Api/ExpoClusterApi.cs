using Akka.Cluster;
using ExpoCluster.Server.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ExpoCluster.Server.Api;

/// <summary>Everything that a node serves over HTTP.</summary>
public static class ExpoClusterApi
{
    public static IServiceCollection AddExpoClusterApi(this IServiceCollection services, ClusterNode node) => services.AddSingleton(node);

    public static IEndpointRouteBuilder MapExpoClusterApi(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet("/health/live", () => Results.Text("live"));
        endpoints.MapGet("/health/ready", (ClusterNode node) => IsMember(node)
            ? Results.Text("ready")
            : Results.Text("not a member of the cluster", statusCode: StatusCodes.Status503ServiceUnavailable));
        return endpoints;
    }

    private static bool IsMember(ClusterNode node) => node.Node.Cluster.SelfMember.Status == MemberStatus.Up;
}
