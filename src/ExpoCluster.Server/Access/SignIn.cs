using ExpoCluster.Server.Dashboard;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace ExpoCluster.Server.Access;

/// <summary>Where a browser shows its token once, and is given a cookie that scripts cannot read and other sites cannot use.</summary>
internal static class SignIn
{
    public const string Path = "/sign-in";
    public const string SignOutPath = "/sign-out";
    public const string CookieName = "expocluster-token";

    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(30);

    public static string PathTo(string page) => page is "/" ? Path : $"{Path}?page={Uri.EscapeDataString(page)}";

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet(Path, (string? page) => Page(page, isWrong: false)).ExcludeFromDescription();
        // Not by an antiforgery token, which would need keys that all nodes share: OriginCheck refuses forms of other sites.
        endpoints.MapPost(Path, Enter).DisableAntiforgery().ExcludeFromDescription();
        endpoints.MapPost(SignOutPath, Leave).DisableAntiforgery().ExcludeFromDescription();
    }

    private static IResult Enter(HttpContext context, AccessTokens tokens, [FromForm] string? token, [FromForm] string? page)
    {
        if (tokens.Find(token?.Trim() ?? "") is null)
        {
            return Page(page, isWrong: true);
        }

        context.Response.Cookies.Append(CookieName, token!.Trim(), Options(context, Lifetime));
        return Results.LocalRedirect(IsLocal(page) ? page! : "/");
    }

    private static IResult Leave(HttpContext context)
    {
        context.Response.Cookies.Delete(CookieName, Options(context, lifetime: null));
        return Results.LocalRedirect(Path);
    }

    private static CookieOptions Options(HttpContext context, TimeSpan? lifetime) => new()
    {
        HttpOnly = true, SameSite = SameSiteMode.Strict, Secure = context.Request.IsHttps, MaxAge = lifetime, IsEssential = true,
    };

    private static RazorComponentResult<SignInPage> Page(string? page, bool isWrong) => new(new Dictionary<string, object?>
    {
        [nameof(SignInPage.Page)] = IsLocal(page) ? page : "/", [nameof(SignInPage.IsWrong)] = isWrong,
    });

    private static bool IsLocal(string? page) => page is ['/'] or ['/', not ('/' or '\\'), ..];
}
