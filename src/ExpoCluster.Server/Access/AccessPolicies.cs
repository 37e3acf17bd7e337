using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.DependencyInjection;

namespace ExpoCluster.Server.Access;

/// <summary>Who may do what.</summary>
internal static class AccessPolicies
{
    public const string Look = "look";
    public const string Act = "act";

    /// <summary>By which requests are recognized; signing in has one of its own.</summary>
    public const string SchemeName = "Bearer";

    /// <summary>Everybody may do everything.</summary>
    public static void AddNone(IServiceCollection services) => services.AddAuthorizationBuilder()
        .AddPolicy(Look, policy => policy.RequireAssertion(_ => true))
        .AddPolicy(Act, policy => policy.RequireAssertion(_ => true));

    public static void Add(IServiceCollection services, AccessTokens tokens)
    {
        services.AddSingleton(tokens);
        AddRoles(services)
            .AddScheme<AuthenticationSchemeOptions, BearerAccess>(SchemeName, configureOptions: null)
            .AddScheme<AuthenticationSchemeOptions, BearerAccess>(SignIn.SchemeName, configureOptions: null);
    }

    public static void Add(IServiceCollection services, OidcAuthority authority) => OidcAccess.Add(AddRoles(services), authority);

    private static AuthenticationBuilder AddRoles(IServiceCollection services)
    {
        services.AddAuthorizationBuilder()
            .AddPolicy(Look, policy => policy.RequireRole(nameof(AccessRole.Reader), nameof(AccessRole.Operator)))
            .AddPolicy(Act, policy => policy.RequireRole(nameof(AccessRole.Operator)));
        return services.AddAuthentication(SchemeName);
    }
}
