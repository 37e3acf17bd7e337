using System.Globalization;
using ExpoCluster.Server.Access;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace ExpoCluster.Server.Api;

/// <summary>What one node takes at most, so that nobody who reaches it can fill its memory.</summary>
internal static class RequestLimits
{
    /// <summary>The policy of the form that takes tokens.</summary>
    public const string SignIns = "sign-ins";

    /// <summary>The policy of what reads the headers of checkpoints.</summary>
    public const string Submissions = "submissions";

    /// <summary>Of all, those that are being closed among them.</summary>
    public const int MaxConnections = 1000;

    /// <summary>Of those that may ask for anything.</summary>
    public const int MaxAskingConnections = 900;

    /// <summary>Of those, of one address.</summary>
    public const int MaxConnectionsOfOne = 600;

    /// <summary>Beyond these, for questions about health alone.</summary>
    public const int HealthConnections = 64;

    /// <summary>Of pages: each is one WebSocket.</summary>
    public const int MaxPages = 500;

    public const int MaxHeaderBytes = 32 << 10;
    public const int MaxRequestLineBytes = 8 << 10;
    public const int MaxHeaders = 64;

    /// <summary>In one minute, from one address.</summary>
    public const int SignInsAtOnce = 20;

    /// <summary>One after the other without a pause, of one name, or of one address where nobody is asked for a name.</summary>
    public const int SubmissionsAtOnce = 240;

    public const int SubmissionsPerSecond = 4;

    private static readonly TimeSpan HeaderPatience = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan IdlePatience = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan HealthConnectionPatience = TimeSpan.FromSeconds(5);

    public static void Apply(KestrelServerOptions server)
    {
        server.AddServerHeader = false;
        server.Limits.MaxRequestBodySize = RequestBody.MaxBytes;
        server.Limits.MaxRequestHeadersTotalSize = MaxHeaderBytes;
        server.Limits.MaxRequestLineSize = MaxRequestLineBytes;
        server.Limits.MaxRequestHeaderCount = MaxHeaders;
        server.Limits.MaxConcurrentConnections = MaxConnections;
        server.Limits.MaxConcurrentUpgradedConnections = MaxPages;
        server.Limits.RequestHeadersTimeout = HeaderPatience;
        server.Limits.KeepAliveTimeout = IdlePatience;
        var shares = new ConnectionShares(
            MaxAskingConnections, MaxConnectionsOfOne, HealthConnections, HealthConnectionPatience, TimeProvider.System);
        server.ConfigureEndpointDefaults(listen => listen.Use(next => connection => shares.ServeAsync(connection, next)));
    }

    /// <summary>Has these endpoints of an application held to what one may ask for in a while.</summary>
    public static T Limit<T>(this T endpoints, string policy)
        where T : IEndpointConventionBuilder => endpoints.WithMetadata(new Limited(policy));

    /// <summary>Middleware behind whatever finds the endpoint and the visitor.</summary>
    public static void UseLimits(this WebApplication application)
    {
        var signIns = new RequestAllowance(SignInsAtOnce, SignInsAtOnce, TimeSpan.FromMinutes(1), TimeProvider.System);
        var submissions = new RequestAllowance(SubmissionsAtOnce, SubmissionsPerSecond, TimeSpan.FromSeconds(1), TimeProvider.System);
        application.Use((context, next) =>
        {
            TimeSpan? wait = context.GetEndpoint()?.Metadata.GetMetadata<Limited>()?.Policy switch
            {
                SignIns => signIns.Take(Visitor.AddressOf(context)),
                Submissions => submissions.Take(Visitor.Of(context) is { Name: { } name } ? "name " + name : "address " + Visitor.AddressOf(context)),
                _ => null,
            };
            return wait is { } time ? RefuseAsync(context, time) : next(context);
        });
    }

    private static Task RefuseAsync(HttpContext context, TimeSpan wait)
    {
        bool isForm = context.Request.Path == SignIn.Path;
        int seconds = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds));
        context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        return ApiProblems.WriteAsync(context, ApiProblems.TooManyRequests(isForm ? "attempts to sign in" : "submissions and plans", seconds));
    }

    private sealed record Limited(string Policy);
}
