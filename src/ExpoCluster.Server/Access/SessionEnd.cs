using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Server;
using Microsoft.Extensions.Logging;

namespace ExpoCluster.Server.Access;

/// <summary>A page that stays open outlives the token by which it was opened; within a minute it is told.</summary>
internal sealed class SessionEnd(ILoggerFactory logs) : RevalidatingServerAuthenticationStateProvider(logs)
{
    protected override TimeSpan RevalidationInterval => TimeSpan.FromSeconds(30);

    protected override Task<bool> ValidateAuthenticationStateAsync(AuthenticationState state, CancellationToken cancellation) =>
        Task.FromResult(!Visitor.Of(state.User).IsOver(TimeProvider.System.GetUtcNow()));
}
