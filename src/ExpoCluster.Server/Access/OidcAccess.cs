using System.Security.Claims;
using ExpoCluster.Client.Problems;
using ExpoCluster.Server.Api;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.Tokens;

namespace ExpoCluster.Server.Access;

/// <summary>Lets in who shows a token that the authority signed, by ASP.NET's own check of such tokens.</summary>
internal static class OidcAccess
{
    private static readonly TimeSpan AuthorityPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ClockDifference = TimeSpan.FromMinutes(1);

    // Only those for which a server has nothing but the public key.
    private static readonly string[] Algorithms =
    [
        SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSha384, SecurityAlgorithms.RsaSha512,
        SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.RsaSsaPssSha384, SecurityAlgorithms.RsaSsaPssSha512,
        SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.EcdsaSha384, SecurityAlgorithms.EcdsaSha512,
    ];

    // What a person is called, then a program.
    private static readonly string[] NameClaims = ["preferred_username", "email", "name", "azp", "client_id", "sub"];

    private static readonly object Silence = new();

    public static void Add(AuthenticationBuilder authentication, OidcAuthority authority)
    {
        foreach (string scheme in new[] { AccessPolicies.SchemeName, SignIn.SchemeName })
        {
            authentication.AddJwtBearer(scheme, options => Configure(options, authority));
        }
    }

    private static void Configure(JwtBearerOptions options, OidcAuthority authority)
    {
        options.Authority = authority.Address.ToString();
        // An address that is not https was let through for loopback only.
        options.RequireHttpsMetadata = authority.Address.Scheme == Uri.UriSchemeHttps;
        options.BackchannelTimeout = AuthorityPatience;
        options.MapInboundClaims = false;
        options.SaveToken = false;
        options.TokenValidationParameters = new TokenValidationParameters
        {
            ValidateIssuer = true,
            ValidateAudience = true,
            ValidAudience = authority.Audience,
            ValidateLifetime = true,
            RequireExpirationTime = true,
            ClockSkew = ClockDifference,
            RequireSignedTokens = true,
            ValidateIssuerSigningKey = true,
            ValidAlgorithms = Algorithms,
        };
        options.Events = new JwtBearerEvents
        {
            OnMessageReceived = ReceiveAsync,
            OnTokenValidated = context =>
            {
                context.Principal = VisitorOf(context.Principal!, context.SecurityToken.ValidTo, authority).ToPrincipal(context.Scheme.Name);
                return Task.CompletedTask;
            },
            OnChallenge = context =>
            {
                context.HandleResponse();
                return AccessAnswers.ChallengeAsync(context.HttpContext, ProblemOf(context.HttpContext, context.AuthenticateFailure, authority));
            },
            OnForbidden = context => AccessAnswers.ForbidAsync(context.HttpContext),
        };
    }

    // Without its keys nothing can be said of a token, and whoever shows a good one shall not be told that it is bad.
    private static async Task ReceiveAsync(MessageReceivedContext context)
    {
        if (ShownToken.Of(context.HttpContext, context.Scheme.Name) is not { Length: > 0 } token)
        {
            context.NoResult();
            return;
        }

        context.Token = token;
        try
        {
            await context.Options.ConfigurationManager!.GetConfigurationAsync(context.HttpContext.RequestAborted).ConfigureAwait(false);
        }
        catch (InvalidOperationException exception)
        {
            context.HttpContext.Items[Silence] = exception.GetBaseException().Message;
            context.Fail(exception);
        }
    }

    private static Visitor VisitorOf(ClaimsPrincipal told, DateTime end, OidcAuthority authority)
    {
        string[] words = [.. told.Claims.Where(claim => authority.RoleClaims.Contains(claim.Type)).Select(claim => claim.Value)];
        string? name = NameClaims.Select(told.FindFirstValue).FirstOrDefault(value => !string.IsNullOrWhiteSpace(value));
        return new Visitor(name ?? "nameless", authority.RoleOf(words)) { Subject = told.FindFirstValue("sub"), End = new DateTimeOffset(end) };
    }

    /// <summary>Why a token was not taken.</summary>
    public static Problem ProblemOf(HttpContext context, Exception? failure, OidcAuthority authority) =>
        context.Items[Silence] is string silence ? ApiProblems.AuthoritySilent(authority.Address, silence) : ApiProblems.NotAuthenticated(failure switch
        {
            null => null,
            SecurityTokenExpiredException expired => $"the token expired on {expired.Expires:yyyy-MM-dd HH:mm:ss} UTC.",
            SecurityTokenNotYetValidException => "the token is not valid yet.",
            SecurityTokenInvalidAudienceException => $"the token was made for others than '{authority.Audience}'.",
            SecurityTokenInvalidIssuerException => $"the token was made by another authority than {authority.Address}.",
            _ => $"the token was not signed by {authority.Address}.",
        });
}
