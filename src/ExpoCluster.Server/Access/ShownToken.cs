using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Http;

namespace ExpoCluster.Server.Access;

/// <summary>The token that a request shows: <c>Authorization: Bearer TOKEN</c>, or on the dashboard's pages the cookie that signing in left.</summary>
internal static class ShownToken
{
    private const string Prefix = "Bearer ";

    private static readonly object Pasted = new();

    // What programs ask for, not browsers.
    private static readonly string[] Programs = ["/api", "/openapi", "/metrics", "/health"];

    /// <summary>A cookie has four kilobytes, an authority's token may have more.</summary>
    public static ChunkingCookieManager Cookies { get; } = new();

    public static bool IsPage(HttpRequest request) => !Programs.Any(path => request.Path.StartsWithSegments(path));

    /// <summary>A browser's, which shows what it is sent.</summary>
    public static bool WantsPage(HttpRequest request) =>
        IsPage(request) && HttpMethods.IsGet(request.Method) && request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase);

    /// <param name="context">Of the request.</param>
    /// <param name="scheme">The one that asks: signing in looks at what was written into its form only.</param>
    public static string? Of(HttpContext context, string scheme)
    {
        if (scheme == SignIn.SchemeName)
        {
            return context.Items[Pasted] as string;
        }

        string authorization = context.Request.Headers.Authorization.ToString();
        if (authorization.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
        {
            return authorization[Prefix.Length..].Trim();
        }

        // A browser sends its cookies whoever made the page, so they open no door of the API.
        return IsPage(context.Request) ? Cookies.GetRequestCookie(context, SignIn.CookieName) : null;
    }

    public static void Paste(HttpContext context, string token) => context.Items[Pasted] = token;
}
