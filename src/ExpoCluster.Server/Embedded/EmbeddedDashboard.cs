using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Core.Planning;
using ExpoCluster.Server.Access;
using ExpoCluster.Server.Dashboard;
using ExpoCluster.Server.Jobs;
using ExpoCluster.Server.Nodes;
using Microsoft.AspNetCore.Builder;

namespace ExpoCluster.Server.Embedded;

/// <summary>The dashboard of one embedded merge, on a loopback address, while that merge lives.</summary>
internal static class EmbeddedDashboard
{
    private static readonly Uri AnyPort = new("http://127.0.0.1:0");

    // A page that is open would keep its connection for as long as it likes.
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(1);

    public static Task<WebListener> StartAsync(Node node, JobRegister register, PlanStore plans, string job, string version)
    {
        WebApplicationBuilder builder = WebListener.BuilderFor(AnyPort);
        var live = new LiveJobs(node, TimeProvider.System);
        var desk = new JobDesk(node, register, live, new PublishedStatistics());
        AccessPolicies.AddNone(builder.Services);
        builder.Services.AddDashboard(new DashboardSources(node, register, plans, live, desk, version) { EmbeddedJob = job });
        WebApplication application = builder.Build();
        application.UseSecurityHeaders(servesPages: true);
        application.UseMiddleware<OriginCheck>(false);
        application.UseRouting();
        application.UseAuthorization();
        application.MapDashboard(signIn: null);
        return WebListener.StartAsync(application, StopPatience);
    }
}
