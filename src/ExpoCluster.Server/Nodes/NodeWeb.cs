using ExpoCluster.Server.Api;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ExpoCluster.Server.Nodes;

/// <summary>The HTTP side of a node.</summary>
internal static class NodeWeb
{
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(5);

    /// <summary>Serves what a node serves.</summary>
    /// <param name="node">A member of its cluster.</param>
    /// <param name="entrance">Where requests come in; it ends with what is returned.</param>
    public static Task<WebListener> StartAsync(ClusterNode node, HttpEntrance entrance)
    {
        WebApplicationBuilder builder = WebListener.BuilderFor(node.Options.Http!);
        entrance.Log.WriteTo(node.Node.System);
        builder.Logging.AddProvider(entrance.Log);
        builder.Services.AddExpoClusterApi(node);
        builder.Services.AddSingleton<IServer>(entrance);
        WebApplication application = builder.Build();
        application.MapExpoClusterApi();
        return WebListener.StartAsync(application, StopPatience, entrance);
    }
}
