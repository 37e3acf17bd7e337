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
        var audit = new Audit(node.Node.System);
        AddAccess(services, node.Options);
        services.AddOpenApi(ContractDocument.Name);
        services.AddSingleton<ContractDocument>();
        services.ConfigureHttpJsonOptions(options => options.SerializerOptions.TypeInfoResolverChain.Insert(0, ContractJson.Default));
        services.Configure<KestrelServerOptions>(RequestLimits.Apply);
        var submission = new JobSubmission(node.Register, node.Plans, desk, node.Hub, node.Storage, TimeProvider.System)
        {
            KeepsPlans = node.Options.Has(NodeSettings.CoordinatorRole),
        };
        if (node.Options.Has(NodeSettings.WebRole))
        {
            services.AddDashboard(new DashboardSources(node.Node, node.Register, node.Plans, live, desk, node.Options.Version)
            {
                Submission = submission, Roots = node.Storage, Audit = audit,
            });
        }

        return services
            .AddSingleton(node)
            .AddSingleton(audit)
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
        NodeOptions options = node.Options;
        bool isWeb = options.Has(NodeSettings.WebRole);
        application.UseSecurityHeaders(isWeb);
        application.UseMiddleware<ProblemAnswers>();
        application.Use(HealthOnlyConnection.ServeAsync);
        application.UseMiddleware<RefusalRecord>();
        application.UseMiddleware<OriginCheck>(options.AsksForTokens || options.Http is { IsLoopback: false });
        application.UseRouting();
        if (options.AsksForTokens)
        {
            application.UseAuthentication();
        }

        application.Use((context, next) =>
        {
            Visitor.NoteAddress(context);
            return next(context);
        });
        application.UseAuthorization();
        application.UseLimits();
        ClusterEndpoints.MapHealth(application);
        MetricsEndpoint.Map(application, node);
        if (isWeb)
        {
            application.MapDashboard(options.AsksForTokens ? new SignIn(options.Oidc, application.Services.GetRequiredService<Audit>()) : null);
            ContractDocument.Map(application);
            JobEndpoints.Map(application);
            PruneEndpoint.Map(application);
            ClusterEndpoints.Map(application);
        }

        return application;
    }

    private static void AddAccess(IServiceCollection services, NodeOptions options)
    {
        if (options.TokenFile is { } file)
        {
            AccessPolicies.Add(services, AccessTokens.ReadFrom(file));
        }
        else if (options.Oidc is { } authority)
        {
            AccessPolicies.Add(services, authority);
        }
        else
        {
            AccessPolicies.AddNone(services);
        }
    }
}
