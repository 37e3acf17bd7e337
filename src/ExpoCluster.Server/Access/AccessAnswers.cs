using ExpoCluster.Client.Problems;
using ExpoCluster.Server.Api;
using Microsoft.AspNetCore.Http;

namespace ExpoCluster.Server.Access;

/// <summary>What is answered to whoever may not come in.</summary>
internal static class AccessAnswers
{
    /// <summary>A browser that wants a page is led to where it can sign in; programs are told.</summary>
    public static Task ChallengeAsync(HttpContext context, Problem problem)
    {
        HttpRequest request = context.Request;
        bool isAsked = problem.Status == StatusCodes.Status401Unauthorized;
        if (isAsked && ShownToken.WantsPage(request))
        {
            context.Response.Redirect(SignIn.PathTo(request.Path + request.QueryString));
            return Task.CompletedTask;
        }

        if (isAsked)
        {
            context.Response.Headers.WWWAuthenticate = AccessPolicies.SchemeName;
        }

        return ApiProblems.WriteAsync(context, problem);
    }

    public static Task ForbidAsync(HttpContext context) => ApiProblems.WriteAsync(context, ApiProblems.NotPermitted(Visitor.Of(context)));
}
