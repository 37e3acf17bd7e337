using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.DependencyInjection;

namespace ExpoCluster.Server.Access;

/// <summary>Who may do what.</summary>
internal static class AccessPolicies
{
    public const string Look = "look";
    public const string Act = "act";

    /// <param name="services">Of the node's web host.</param>
    /// <param name="tokens">Null where everybody may do everything.</param>
    public static void Add(IServiceCollection services, AccessTokens? tokens)
    {
        AuthorizationBuilder authorization = services.AddAuthorizationBuilder();
        if (tokens is null)
        {
            authorization
                .AddPolicy(Look, policy => policy.RequireAssertion(_ => true))
                .AddPolicy(Act, policy => policy.RequireAssertion(_ => true));
            return;
        }

        services.AddSingleton(tokens);
        services.AddAuthentication(BearerAccess.SchemeName)
            .AddScheme<AuthenticationSchemeOptions, BearerAccess>(BearerAccess.SchemeName, configureOptions: null);
        authorization
            .AddPolicy(Look, policy => policy.RequireAuthenticatedUser())
            .AddPolicy(Act, policy => policy.RequireAuthenticatedUser().RequireRole(nameof(AccessRole.Operator)));
    }
}
