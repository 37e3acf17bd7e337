using ExpoCluster.Server.Api;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ExpoCluster.Server.Nodes;

/// <summary>The HTTP side of a node.</summary>
internal sealed class NodeWeb : IAsyncDisposable
{
    private readonly WebApplication application;

    private NodeWeb(WebApplication application) => this.application = application;

    /// <summary>Where it listens, with the port that was taken.</summary>
    public Uri Address => new(application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    public static async Task<NodeWeb> StartAsync(ClusterNode node, Uri address)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(address.ToString());
        builder.Services.AddExpoClusterApi(node);
        WebApplication application = builder.Build();
        application.MapExpoClusterApi();
        await application.StartAsync().ConfigureAwait(false);
        return new NodeWeb(application);
    }

    public async ValueTask DisposeAsync() => await application.DisposeAsync().ConfigureAwait(false);
}
