using System.Text.Encodings.Web;
using ExpoCluster.Server.Api;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ExpoCluster.Server.Access;

/// <summary>Lets in who shows a token of the file.</summary>
internal sealed class BearerAccess(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, AccessTokens tokens)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    protected override Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (ShownToken.Of(Context, Scheme.Name) is not { } token)
        {
            return Task.FromResult(AuthenticateResult.NoResult());
        }

        return Task.FromResult(tokens.Find(token) is { } grant
            ? AuthenticateResult.Success(new AuthenticationTicket(new Visitor(grant.Name, grant.Role).ToPrincipal(Scheme.Name), Scheme.Name))
            : AuthenticateResult.Fail("no such token"));
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties) =>
        AccessAnswers.ChallengeAsync(Context, ApiProblems.NotAuthenticated(Request.Headers.Authorization.Count > 0 ? "the token is not one of this server's." : null));

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) => AccessAnswers.ForbidAsync(Context);
}
