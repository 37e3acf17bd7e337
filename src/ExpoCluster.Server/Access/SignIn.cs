using ExpoCluster.Server.Api;
using ExpoCluster.Server.Dashboard;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace ExpoCluster.Server.Access;

/// <summary>Where a browser shows its token once, and is given a cookie that scripts cannot read and other sites cannot use.</summary>
/// <param name="authority">Whose tokens are taken; null where they are those of a file.</param>
/// <param name="audit">Told who came in, and who tried.</param>
internal sealed class SignIn(OidcAuthority? authority, Audit audit)
{
    public const string Path = "/sign-in";
    public const string SignOutPath = "/sign-out";
    public const string CookieName = "expocluster-token";

    /// <summary>By which what was written into the form is checked.</summary>
    public const string SchemeName = "SignIn";

    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(30);

    public static string PathTo(string page) => page is "/" ? Path : $"{Path}?page={Uri.EscapeDataString(page)}";

    public void Map(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet(Path, (string? page) => Page(page, refusal: null)).ExcludeFromDescription();
        // Not by an antiforgery token, which would need keys that all nodes share: OriginCheck refuses forms of other sites.
        endpoints.MapPost(Path, EnterAsync).DisableAntiforgery().Limit(RequestLimits.SignIns).ExcludeFromDescription();
        endpoints.MapPost(SignOutPath, Leave).DisableAntiforgery().ExcludeFromDescription();
    }

    private async Task<IResult> EnterAsync(HttpContext context, [FromForm] string? token, [FromForm] string? page)
    {
        string pasted = token?.Trim() ?? "";
        ShownToken.Paste(context, pasted);
        AuthenticateResult result = await context.AuthenticateAsync(SchemeName).ConfigureAwait(false);
        Visitor visitor = (result.Succeeded ? Visitor.Of(result.Principal) : new Visitor(Name: null, Role: null)) with { Address = Visitor.AddressOf(context) };
        if (visitor.Role is null)
        {
            audit.RefusedSignIn(visitor);
            return Page(page, Refusal(context, result));
        }

        audit.SignedIn(visitor);
        ShownToken.Cookies.AppendResponseCookie(context, CookieName, pasted, Options(context, LifetimeOf(visitor)));
        return Results.LocalRedirect(IsLocal(page) ? page! : "/");
    }

    private string Refusal(HttpContext context, AuthenticateResult result) =>
        authority is null ? "That is none of this server's tokens."
        : result.Succeeded ? "That token gives no role here."
        : OidcAccess.ProblemOf(context, result.Failure, authority).Detail ?? "";

    private static TimeSpan LifetimeOf(Visitor visitor)
    {
        TimeSpan left = visitor.End - TimeProvider.System.GetUtcNow() ?? Lifetime;
        return left < Lifetime ? left : Lifetime;
    }

    private static IResult Leave(HttpContext context)
    {
        ShownToken.Cookies.DeleteCookie(context, CookieName, Options(context, lifetime: null));
        return Results.LocalRedirect(Path);
    }

    private static CookieOptions Options(HttpContext context, TimeSpan? lifetime) => new()
    {
        HttpOnly = true, SameSite = SameSiteMode.Strict, Secure = context.Request.IsHttps, MaxAge = lifetime, IsEssential = true, Path = "/",
    };

    private RazorComponentResult<SignInPage> Page(string? page, string? refusal) => new(new Dictionary<string, object?>
    {
        [nameof(SignInPage.Page)] = IsLocal(page) ? page : "/",
        [nameof(SignInPage.Refusal)] = refusal,
        [nameof(SignInPage.Hint)] = authority is null
            ? "One of the tokens of this server's token file. It stays in this browser for 30 days, or until you sign out."
            : $"An access token of {authority.Address} for {authority.Audience}. It stays in this browser until it expires, or you sign out.",
    });

    private static bool IsLocal(string? page) => page is ['/'] or ['/', not ('/' or '\\'), ..];
}
