using ExpoCluster.Server.Api;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace ExpoCluster.Server.Nodes;

/// <summary>The HTTP side of a node.</summary>
internal static class NodeWeb
{
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(5);

    public static Task<WebListener> StartAsync(ClusterNode node, Uri address)
    {
        WebApplicationBuilder builder = WebListener.BuilderFor(address);
#pragma warning disable CA2000 // It has nothing to dispose of.
        builder.Logging.AddProvider(new WebLog(node.Node.System));
#pragma warning restore CA2000
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
        return WebListener.StartAsync(application, StopPatience);
    }
}
