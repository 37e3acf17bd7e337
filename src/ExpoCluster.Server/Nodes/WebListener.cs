using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ExpoCluster.Server.Nodes;

/// <summary>What listens for HTTP in this process.</summary>
internal sealed class WebListener : IAsyncDisposable
{
    private readonly WebApplication application;
    private readonly TimeSpan stopPatience;
    private readonly IAsyncDisposable? server;

    private WebListener(WebApplication application, TimeSpan stopPatience, IAsyncDisposable? server)
    {
        this.application = application;
        this.stopPatience = stopPatience;
        this.server = server;
    }

    /// <summary>Where it listens, with the port that was taken.</summary>
    public Uri Address => new(application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    /// <summary>For an application that listens at the address and logs nothing unless it is told where.</summary>
    public static WebApplicationBuilder BuilderFor(Uri address)
    {
        // It would watch the working directory and all below it, which may be a storage of models, for settings that nobody has there.
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = ["--hostBuilder:reloadConfigOnChange=false"] });
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(address.ToString());
        return builder;
    }

    /// <param name="application">Built, with all its routes.</param>
    /// <param name="stopPatience">How long requests under way are waited for at the end.</param>
    /// <param name="server">What it listens by, where that is not its own; it ends with it.</param>
    public static async Task<WebListener> StartAsync(WebApplication application, TimeSpan stopPatience, IAsyncDisposable? server = null)
    {
        await application.StartAsync().ConfigureAwait(false);
        return new WebListener(application, stopPatience, server);
    }

    /// <summary>Takes no more requests, and lets those under way be answered before what answers them is gone.</summary>
    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(stopPatience);
        await application.StopAsync(patience.Token).ConfigureAwait(false);
        await application.DisposeAsync().ConfigureAwait(false);
        if (server is not null)
        {
            await server.DisposeAsync().ConfigureAwait(false);
        }
    }
}
