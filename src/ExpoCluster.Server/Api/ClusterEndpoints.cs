using Akka.Cluster;
using ExpoCluster.Client;
using ExpoCluster.Client.Nodes;
using ExpoCluster.Client.Recipes;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Core.Recipes.BuiltIn;
using ExpoCluster.Server.Access;
using ExpoCluster.Server.Jobs;
using ExpoCluster.Server.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace ExpoCluster.Server.Api;

/// <summary>What a node says of itself and its cluster.</summary>
internal static class ClusterEndpoints
{
    public const string LivePath = "/health/live";
    public const string ReadyPath = "/health/ready";

    /// <summary>Of a process that answers, whatever else it can.</summary>
    public static readonly NodeHealth Lives = new("ok", []);

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet("/api/cluster", (ClusterNode node) => Results.Json(Describe(node), ContractJson.Default.ClusterStatus))
            .WithName("showCluster").WithSummary("The cluster as this node sees it.").WithTags("cluster")
            .RequireAuthorization(AccessPolicies.Look).Produces<ClusterStatus>();
        endpoints.MapGet("/api/recipes", () => Results.Json(Recipes(), ContractJson.Default.RecipeList))
            .WithName("listRecipes").WithSummary("The built-in recipes.").WithTags("recipes")
            .RequireAuthorization(AccessPolicies.Look).Produces<RecipeList>();
    }

    /// <summary>What whoever runs a node asks it, whatever its roles.</summary>
    public static void MapHealth(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet(LivePath, () => Results.Json(Lives, ContractJson.Default.NodeHealth))
            .WithName("isLive").WithSummary("This process answers.").WithTags("health").Produces<NodeHealth>();
        endpoints.MapGet(ReadyPath, ReadyAsync)
            .WithName("isReady").WithSummary("This node can do its work, or why it cannot.").WithTags("health")
            .Produces<NodeHealth>().Produces<NodeHealth>(StatusCodes.Status503ServiceUnavailable);
    }

    private static async Task<IResult> ReadyAsync(ClusterNode node, JobSubmission submission, CancellationToken cancellation)
    {
        NodeHealth health = await new NodeReadiness(node, submission).CheckAsync(cancellation).ConfigureAwait(false);
        return Results.Json(
            health,
            ContractJson.Default.NodeHealth,
            statusCode: health.Checks.All(check => check.Holds) ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
    }

    private static ClusterStatus Describe(ClusterNode node)
    {
        Akka.Cluster.Cluster cluster = node.Node.Cluster;
        ClusterEvent.CurrentClusterState state = cluster.State;
        return new ClusterStatus(
            cluster.SelfAddress.ToString(),
            state.Leader?.ToString(),
            node.Options.Version,
            [.. state.Members.Order(Member.AgeOrdering).Select(member => new ClusterMember(
                member.Address.ToString(),
                [.. Node.RolesOf(member).Order(StringComparer.Ordinal)],
                Word(member.Status),
                !state.Unreachable.Contains(member)))]);
    }

    private static string Word(MemberStatus status) => status.ToString().ToLowerInvariant();

    private static RecipeList Recipes() => new([.. BuiltInRecipes.All.Select(recipe => new PublishedRecipe(
        recipe.Name,
        "hf:" + recipe.Base,
        "hf:" + recipe.Aligned,
        recipe.Alpha,
        new PublishedScores(PairOf(recipe.WinRate), PairOf(recipe.ControlledWinRate), PairOf(recipe.MtBench)),
        recipe.Licence.Name,
        recipe.Licence.Note,
        recipe.Unverified,
        recipe.Yaml))]);

    private static ScorePair PairOf(PublishedScore score) => new(score.Aligned, score.Merged);
}
