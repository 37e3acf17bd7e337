using ExpoCluster.Client;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Server.Access;
using ExpoCluster.Server.Dashboard;
using ExpoCluster.Server.Jobs;
using ExpoCluster.Server.Nodes;
using ExpoCluster.Server.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace ExpoCluster.Server.Api;

/// <summary>Everything that a node serves over HTTP; without the role web that is only how it is.</summary>
public static class ExpoClusterApi
{
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    /// <param name="services">Of the node's web host.</param>
    /// <param name="node">What is served.</param>
    /// <exception cref="Core.Recipes.UsageException">The token file cannot be used.</exception>
    public static IServiceCollection AddExpoClusterApi(this IServiceCollection services, ClusterNode node)
    {
        var live = new LiveJobs(node.Node, TimeProvider.System);
        var desk = new JobDesk(node.Node, node.Register, live, new PublishedStatistics());
        AccessPolicies.Add(services, node.Options.TokenFile is { } file ? AccessTokens.ReadFrom(file) : null);
        services.AddOpenApi("v1");
        services.ConfigureHttpJsonOptions(options => options.SerializerOptions.TypeInfoResolverChain.Insert(0, ContractJson.Default));
        services.Configure<KestrelServerOptions>(options =>
        {
            options.AddServerHeader = false;
            options.Limits.MaxRequestBodySize = RequestBody.MaxBytes;
        });
        var submission = new JobSubmission(node.Register, node.Plans, desk, node.Hub, node.Storage, TimeProvider.System);
        if (node.Options.Has(NodeSettings.WebRole))
        {
            services.AddDashboard(new DashboardSources(node.Node, node.Register, node.Plans, live, desk, node.Options.Version)
            {
                Submission = submission, Roots = node.Storage,
            });
        }

        return services
            .AddSingleton(node)
            .AddSingleton(node.Register)
            .AddSingleton(node.Storage)
            .AddSingleton(desk)
            .AddSingleton(new JobPruning(node.Register, desk.CancelForGoodAsync, TimeProvider.System))
            .AddSingleton(new JobEvents(node.Register, live, Heartbeat))
            .AddSingleton(submission);
    }

    public static WebApplication MapExpoClusterApi(this WebApplication application)
    {
        ClusterNode node = application.Services.GetRequiredService<ClusterNode>();
        application.UseMiddleware<ProblemAnswers>();
        application.UseMiddleware<OriginCheck>(node.Options.TokenFile is not null || node.Options.Http is { IsLoopback: false });
        bool isWeb = node.Options.Has(NodeSettings.WebRole);
        if (isWeb)
        {
            application.UseDashboardHeaders();
        }

        application.UseRouting();
        if (node.Options.TokenFile is not null)
        {
            application.UseAuthentication();
        }

        application.UseAuthorization();
        ClusterEndpoints.MapHealth(application);
        MetricsEndpoint.Map(application, node);
        if (isWeb)
        {
            application.MapDashboard(asksForTokens: node.Options.TokenFile is not null);
            application.MapOpenApi();
            JobEndpoints.Map(application);
            PruneEndpoint.Map(application);
            ClusterEndpoints.Map(application);
        }

        return application;
    }
}
