using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Core.Planning;
using ExpoCluster.Server.Access;
using ExpoCluster.Server.Dashboard;
using ExpoCluster.Server.Jobs;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ExpoCluster.Server.Embedded;

/// <summary>The dashboard of one embedded merge, on a loopback address, while that merge lives.</summary>
internal sealed class EmbeddedDashboard : IAsyncDisposable
{
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(1);

    private readonly WebApplication application;

    private EmbeddedDashboard(WebApplication application) => this.application = application;

    public Uri Address => new(application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    public static async Task<EmbeddedDashboard> StartAsync(Node node, JobRegister register, PlanStore plans, string job, string version)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var live = new LiveJobs(node, TimeProvider.System);
        var desk = new JobDesk(node, register, live, new PublishedStatistics());
        AccessPolicies.Add(builder.Services, tokens: null);
        builder.Services.AddDashboard(new DashboardSources(node, register, plans, live, desk, version) { EmbeddedJob = job });
        WebApplication application = builder.Build();
        application.UseMiddleware<OriginCheck>(false);
        application.UseDashboardHeaders();
        application.UseRouting();
        application.UseAuthorization();
        application.MapDashboard(asksForTokens: false);
        await application.StartAsync().ConfigureAwait(false);
        return new EmbeddedDashboard(application);
    }

    public async ValueTask DisposeAsync()
    {
        // A page that is open would keep its connection for as long as it likes.
        using var patience = new CancellationTokenSource(StopPatience);
        await application.StopAsync(patience.Token).ConfigureAwait(false);
        await application.DisposeAsync().ConfigureAwait(false);
    }
}
