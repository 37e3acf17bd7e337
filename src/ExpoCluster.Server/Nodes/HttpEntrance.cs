using System.Text.Json;
using ExpoCluster.Client;
using ExpoCluster.Client.Nodes;
using ExpoCluster.Cluster.Certificates;
using ExpoCluster.Cluster.Membership;
using ExpoCluster.Server.Access;
using ExpoCluster.Server.Api;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ExpoCluster.Server.Nodes;

/// <summary>Listens for HTTP from a node's first second on: until there is a node to ask it says that one starts, and what it waits for.</summary>
/// <remarks>
/// What answers when the node is there needs the node, which may wait long for its database. Whoever supervises the process must
/// not take that for a dead one. So the server runs first, and the application takes its place before it when it can.
/// </remarks>
internal sealed class HttpEntrance : IHttpApplication<HttpEntrance.Visit>, IServer, IAsyncDisposable
{
    private readonly WebApplication host;
    private readonly IServer server;
    private readonly StartingNode starting;
    private volatile Func<IFeatureCollection, Visit>? letIn;

    private HttpEntrance(WebApplication host, StartingNode starting, WebLog log)
    {
        this.host = host;
        this.starting = starting;
        Log = log;
        server = host.Services.GetRequiredService<IServer>();
    }

    /// <summary>What it says before there is a node with a log is nobody's.</summary>
    public WebLog Log { get; }

    /// <summary>Of the server, which an application that is let in takes for its own.</summary>
    public IFeatureCollection Features => server.Features;

    /// <summary>Listens from now on.</summary>
    /// <param name="address">Where.</param>
    /// <param name="certificate">For HTTPS; null for plain connections.</param>
    /// <param name="starting">What is told until an application is let in.</param>
    /// <exception cref="ClusterException">It cannot listen there.</exception>
    public static async Task<HttpEntrance> OpenAsync(Uri address, NodeCertificate? certificate, StartingNode starting)
    {
        WebApplicationBuilder builder = WebListener.BuilderFor(address);
        var log = new WebLog();
        builder.Logging.AddProvider(log);
        builder.Services.Configure<KestrelServerOptions>(RequestLimits.Apply);
        if (certificate is not null)
        {
            builder.WebHost.UseKestrelHttpsConfiguration();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.ConfigureHttpsDefaults(https =>
            {
                https.ServerCertificate = certificate.Own;
                https.ServerCertificateChain = certificate.Intermediates;
            }));
        }

        var entrance = new HttpEntrance(builder.Build(), starting, log);
        try
        {
            await entrance.ListenAsync(address).ConfigureAwait(false);
            return entrance;
        }
        catch
        {
            await entrance.host.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The application that is started on this server answers what comes from now on.</summary>
    public Task StartAsync<TContext>(IHttpApplication<TContext> application, CancellationToken cancellationToken)
        where TContext : notnull
    {
        letIn = features => new Visit<TContext>(application, application.CreateContext(features));
        return Task.CompletedTask;
    }

    /// <summary>Takes no more requests, and waits for those under way.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => server.StopAsync(cancellationToken);

    /// <summary>Nothing: an application that ends takes the server for its own, which is this entrance's.</summary>
    public void Dispose()
    {
    }

    public ValueTask DisposeAsync() => host.DisposeAsync();

    public Visit CreateContext(IFeatureCollection contextFeatures) =>
        letIn?.Invoke(contextFeatures) ?? new EarlyVisit(starting, new DefaultHttpContext(contextFeatures));

    public Task ProcessRequestAsync(Visit context) => context.AnswerAsync();

    public void DisposeContext(Visit context, Exception? exception) => context.End(exception);

    private async Task ListenAsync(Uri address)
    {
        server.Features.Get<IServerAddressesFeature>()!.Addresses.Add(address.ToString());
        try
        {
            await server.StartAsync(this, CancellationToken.None).ConfigureAwait(false);
        }
        catch (IOException exception)
        {
            throw new ClusterException(
                ClusterException.AddressTaken,
                $"{address}: this node cannot listen there ({exception.GetBaseException().Message}).",
                "choose another --http, or stop what listens there.",
                exception);
        }
    }

    /// <summary>One request, and who answers it.</summary>
    internal abstract class Visit
    {
        public abstract Task AnswerAsync();

        public abstract void End(Exception? exception);
    }

    private sealed class Visit<TContext>(IHttpApplication<TContext> application, TContext context) : Visit
        where TContext : notnull
    {
        public override Task AnswerAsync() => application.ProcessRequestAsync(context);

        public override void End(Exception? exception) => application.DisposeContext(context, exception);
    }

    private sealed class EarlyVisit(StartingNode starting, HttpContext context) : Visit
    {
        public override Task AnswerAsync()
        {
            SecurityHeaders.Set(context, isPage: false);
            return HealthOnlyConnection.ServeAsync(context, AnswerAsync);
        }

        public override void End(Exception? exception)
        {
            // What it holds is the server's.
        }

        private Task AnswerAsync(HttpContext visited)
        {
            switch (visited.Request.Path.Value)
            {
                case ClusterEndpoints.LivePath:
                    return WriteAsync(visited, ClusterEndpoints.Lives, StatusCodes.Status200OK);
                case ClusterEndpoints.ReadyPath:
                    return WriteAsync(visited, starting.Health, StatusCodes.Status503ServiceUnavailable);
                default:
                    visited.Response.Headers.RetryAfter = "1";
                    return ApiProblems.WriteAsync(visited, ApiProblems.StillStarting());
            }
        }

        private static Task WriteAsync(HttpContext visited, NodeHealth health, int status)
        {
            visited.Response.StatusCode = status;
            visited.Response.ContentType = "application/json; charset=utf-8";
            return visited.Response.WriteAsync(JsonSerializer.Serialize(health, ContractJson.Default.NodeHealth));
        }
    }
}
