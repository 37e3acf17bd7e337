using System.Security.Claims;
using System.Text.Encodings.Web;
using ExpoCluster.Server.Api;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ExpoCluster.Server.Access;

/// <summary>Lets in who shows a token of the file: <c>Authorization: Bearer TOKEN</c>, or on the dashboard's pages the cookie that signing in left.</summary>
internal sealed class BearerAccess(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, AccessTokens tokens)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public const string SchemeName = "Bearer";

    private const string Prefix = "Bearer ";

    // What programs ask for, not browsers.
    private static readonly string[] Programs = ["/api", "/openapi", "/metrics", "/health"];

    protected override Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (ShownToken() is not { } token)
        {
            return Task.FromResult(AuthenticateResult.NoResult());
        }

        return Task.FromResult(tokens.Find(token) is { } grant
            ? AuthenticateResult.Success(new AuthenticationTicket(PrincipalOf(grant), Scheme.Name))
            : AuthenticateResult.Fail("no such token"));
    }

    // A browser sends its cookies whoever made the page, so they open no door of the API.
    private string? ShownToken()
    {
        string authorization = Request.Headers.Authorization.ToString();
        if (authorization.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
        {
            return authorization[Prefix.Length..].Trim();
        }

        return IsPage ? Request.Cookies[SignIn.CookieName] : null;
    }

    private bool IsPage => !Programs.Any(path => Request.Path.StartsWithSegments(path));

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        if (IsPage && HttpMethods.IsGet(Request.Method) && Request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase))
        {
            Response.Redirect(SignIn.PathTo(Request.Path + Request.QueryString));
            return Task.CompletedTask;
        }

        Response.Headers.WWWAuthenticate = SchemeName;
        return ApiProblems.WriteAsync(Context, ApiProblems.NotAuthenticated(Request.Headers.Authorization.Count > 0));
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        ApiProblems.WriteAsync(Context, ApiProblems.NotPermitted(Context.User.Identity?.Name));

    private static ClaimsPrincipal PrincipalOf(AccessGrant grant) => new(new ClaimsIdentity(
        [new Claim(ClaimTypes.Name, grant.Name), new Claim(ClaimTypes.Role, grant.Role.ToString())], SchemeName));
}
