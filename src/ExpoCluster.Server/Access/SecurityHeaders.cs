using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace ExpoCluster.Server.Access;

/// <summary>What every answer tells a browser not to do with it.</summary>
internal static class SecurityHeaders
{
    // Styles are set on elements all over the component library; scripts only come from here, and so does everything else.
    private const string PagePolicy =
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

    // What programs ask for is no page, whatever a browser takes it for.
    private const string DataPolicy = "default-src 'none'; frame-ancestors 'none'";

    private const string Features = "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()";

    // Without includeSubDomains: other servers below this name are none of a node's business.
    private const string OnlyHttps = "max-age=31536000";

    /// <summary>First of all, so that refusals have them too.</summary>
    /// <param name="application">Of a node, or of one merge.</param>
    /// <param name="servesPages">Not every node does.</param>
    public static void UseSecurityHeaders(this WebApplication application, bool servesPages) => application.Use((context, next) =>
    {
        // When the answer begins, for whatever answers an error takes away what was there.
        context.Response.OnStarting(static state =>
        {
            (HttpContext context, bool isPage) = ((HttpContext, bool))state;
            Set(context, isPage);
            return Task.CompletedTask;
        }, (context, servesPages && ShownToken.IsPage(context.Request)));
        return next(context);
    });

    /// <summary>Before the answer begins.</summary>
    public static void Set(HttpContext context, bool isPage)
    {
        IHeaderDictionary headers = context.Response.Headers;
        headers.ContentSecurityPolicy = isPage ? PagePolicy : DataPolicy;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "same-origin";
        headers["Permissions-Policy"] = Features;
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        // Of localhost a browser would remember it for every other server of its user's.
        if (context.Request is { IsHttps: true, Host.Host: not ("localhost" or "127.0.0.1" or "[::1]") })
        {
            headers.StrictTransportSecurity = OnlyHttps;
        }

        // Nothing of a job may stay behind in a cache on the way; what may, says so itself.
        if (headers.CacheControl.Count == 0)
        {
            headers.CacheControl = "no-store";
        }
    }
}
