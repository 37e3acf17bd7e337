using System.Security.Claims;
using System.Text.Encodings.Web;
using ExpoCluster.Server.Api;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ExpoCluster.Server.Access;

/// <summary>Lets in who shows a token of the file: <c>Authorization: Bearer TOKEN</c>.</summary>
internal sealed class BearerAccess(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, AccessTokens tokens)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public const string SchemeName = "Bearer";

    private const string Prefix = "Bearer ";

    protected override Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        string authorization = Request.Headers.Authorization.ToString();
        if (!authorization.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
        {
            return Task.FromResult(AuthenticateResult.NoResult());
        }

        return Task.FromResult(tokens.Find(authorization[Prefix.Length..].Trim()) is { } grant
            ? AuthenticateResult.Success(new AuthenticationTicket(PrincipalOf(grant), Scheme.Name))
            : AuthenticateResult.Fail("no such token"));
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        Response.Headers.WWWAuthenticate = SchemeName;
        return ApiProblems.WriteAsync(Context, ApiProblems.NotAuthenticated(Request.Headers.Authorization.Count > 0));
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        ApiProblems.WriteAsync(Context, ApiProblems.NotPermitted(Context.User.Identity?.Name));

    private static ClaimsPrincipal PrincipalOf(AccessGrant grant) => new(new ClaimsIdentity(
        [new Claim(ClaimTypes.Name, grant.Name), new Claim(ClaimTypes.Role, grant.Role.ToString())], SchemeName));
}
