using System.Net;
using ExpoCluster.Server.Api;
using Microsoft.AspNetCore.Http;

namespace ExpoCluster.Server.Access;

/// <summary>
/// Refuses what a page of another site makes a browser send. Without tokens whoever reaches the port may do everything, and a browser
/// on this machine reaches it for every page that it shows.
/// </summary>
internal sealed class OriginCheck(RequestDelegate next, bool trustsNames)
{
    public Task InvokeAsync(HttpContext context)
    {
        HostString host = context.Request.Host;
        string origin = context.Request.Headers.Origin.ToString();
        bool isForeignPage = origin.Length > 0 && !(Uri.TryCreate(origin, UriKind.Absolute, out Uri? page) && page.Authority == host.Value);
        // A foreign name that leads here is how a page gets around the check above (DNS rebinding); an address cannot be bent.
        bool isForeignName = !trustsNames && !(host.Host == "localhost" || IPAddress.TryParse(host.Host.Trim('[', ']'), out _));
        return isForeignPage || isForeignName
            ? ApiProblems.WriteAsync(context, ApiProblems.ForeignOrigin(isForeignPage ? origin : host.Value ?? ""))
            : next(context);
    }
}
