using Microsoft.AspNetCore.Http;

namespace ExpoCluster.Server.Api;

/// <summary>The mark of a connection that is one too many: it may ask how the node is, once.</summary>
internal sealed class HealthOnlyConnection
{
    private const string Health = "/health";

    /// <summary>Middleware that refuses everything else on such a connection.</summary>
    public static Task ServeAsync(HttpContext context, RequestDelegate next)
    {
        if (context.Features.Get<HealthOnlyConnection>() is null)
        {
            return next(context);
        }

        if (HttpProtocol.IsHttp11(context.Request.Protocol))
        {
            context.Response.Headers.Connection = "close";
        }

        return context.Request.Path.StartsWithSegments(Health, StringComparison.Ordinal)
            ? next(context)
            : ApiProblems.WriteAsync(context, ApiProblems.TooManyConnections());
    }
}
