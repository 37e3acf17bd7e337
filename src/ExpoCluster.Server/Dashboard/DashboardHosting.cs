using System.Collections.Immutable;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Server.Access;
using ExpoCluster.Server.Dashboard.Live;
using ExpoCluster.Server.Reports;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using MudBlazor;
using MudBlazor.Services;

namespace ExpoCluster.Server.Dashboard;

/// <summary>The pages at <c>/</c>.</summary>
internal static class DashboardHosting
{
    public static void AddDashboard(this IServiceCollection services, DashboardSources sources)
    {
        services.AddRazorComponents().AddInteractiveServerComponents();
        services.AddCascadingAuthenticationState();
        services.AddScoped<AuthenticationStateProvider, SessionEnd>();
        services.AddMudServices(options => options.SnackbarConfiguration.PositionClass = Defaults.Classes.Position.BottomRight);
        // What it protects lives no longer than this process: the circuits of its pages.
        services.AddDataProtection().UseEphemeralDataProtectionProvider();
        services.AddSingleton(sources);
        services.AddSingleton(new ReportShelf());
        services.AddSingleton(new PlanShelf(sources.Plans));
        services.AddSingleton(_ => new DashboardFeeds(sources, TimeProvider.System));
    }

    /// <param name="application">Of a node, or of one merge.</param>
    /// <param name="signIn">Null where nobody is asked who he is.</param>
    public static void MapDashboard(this WebApplication application, SignIn? signIn)
    {
        application.UseAntiforgery();
        application.Use((context, next) => UnknownPages.AnswerAsync(context, next));
        DashboardAssets.Map(application);
        signIn?.Map(application);

        application.MapGet("/jobs/{id}/report.html", SendReportAsync).RequireAuthorization(AccessPolicies.Look).ExcludeFromDescription();
        application.MapRazorComponents<App>()
            .AddInteractiveServerRenderMode(options => options.ContentSecurityFrameAncestorsPolicy = null)
            .RequireAuthorization(AccessPolicies.Look);
        // Begins to remember rates and losses before the first page is opened.
        application.Services.GetRequiredService<DashboardFeeds>();
    }

    // As the command writes it, for whoever wants to keep it.
    private static async Task<IResult> SendReportAsync(string id, DashboardSources sources, ReportShelf shelf, CancellationToken cancellation)
    {
        RegisterEntry entry = await sources.Desk.FindAsync(id, cancellation).ConfigureAwait(false);
        ImmutableArray<ModelReport> reports = await shelf.OfAsync(entry).ConfigureAwait(false);
        return reports.IsEmpty
            ? throw ReportException.NothingThere(entry.Output)
            : Results.Content(await ReportPage.RenderAsync(reports).ConfigureAwait(false), "text/html; charset=utf-8");
    }
}
