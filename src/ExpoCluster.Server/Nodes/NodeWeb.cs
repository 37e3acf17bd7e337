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
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(5);

    private readonly WebApplication application;

    private NodeWeb(WebApplication application) => this.application = application;

    /// <summary>Where it listens, with the port that was taken.</summary>
    public Uri Address => new(application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    public static async Task<NodeWeb> StartAsync(ClusterNode node, Uri address)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(address.ToString());
        if (node.Options.Certificate is { } certificate)
        {
            builder.WebHost.UseKestrelHttpsConfiguration();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.ConfigureHttpsDefaults(https =>
            {
                https.ServerCertificate = certificate.Own;
                https.ServerCertificateChain = certificate.Intermediates;
            }));
        }

        builder.Services.AddExpoClusterApi(node);
        WebApplication application = builder.Build();
        application.MapExpoClusterApi();
        await application.StartAsync().ConfigureAwait(false);
        return new NodeWeb(application);
    }

    /// <summary>Takes no more requests, and lets those under way be answered before what answers them is gone.</summary>
    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(StopPatience);
        await application.StopAsync(patience.Token).ConfigureAwait(false);
        await application.DisposeAsync().ConfigureAwait(false);
    }
}
