using ExpoCluster.Client;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Client.Problems;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Server.Access;
using ExpoCluster.Server.Jobs;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace ExpoCluster.Server.Api;

/// <summary>Forgetting ended jobs. How old is always to be said: nobody is to lose the list by leaving something out.</summary>
internal static class PruneEndpoint
{
    public static void Map(IEndpointRouteBuilder endpoints) => endpoints.MapPost("/api/jobs/prune", PruneAsync)
        .WithName("pruneJobs")
        .WithSummary("Forget ended jobs (state: done, failed, cancelled; all of these by default) that have been so for olderThan, such as 30d. What they made stays. dryRun=true only says which.")
        .WithTags("jobs").RequireAuthorization(AccessPolicies.Act)
        .Produces<PrunedJobs>().Produces<Problem>(StatusCodes.Status400BadRequest, Problem.MediaType);

    private static async Task<IResult> PruneAsync(
        JobPruning pruning, string? olderThan, [FromQuery] string[]? state, bool? dryRun, HttpContext context, Audit audit, CancellationToken cancellation)
    {
        string[] states = state is { Length: > 0 } ? state : [.. JobStates.Ended];
        if (states.FirstOrDefault(word => !JobStates.HasEnded(word)) is { } other)
        {
            throw new RefusalException(ApiProblems.WrongParameter("state", other, "one of " + string.Join(", ", JobStates.Ended)));
        }

        if (!TimeLength.TryParse(olderThan, out TimeSpan age))
        {
            throw new RefusalException(ApiProblems.WrongParameter("olderThan", olderThan ?? "", "a length of time such as 30d or 12h"));
        }

        PrunedJobs pruned = await pruning.RunAsync(states, age, dryRun ?? false, cancellation).ConfigureAwait(false);
        foreach (string job in dryRun == true ? [] : pruned.Jobs)
        {
            audit.Pruned(Visitor.Of(context), job);
        }

        return Results.Json(pruned, ContractJson.Default.PrunedJobs);
    }
}
