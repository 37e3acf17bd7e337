using System.Text.Json.Serialization;
using ExpoCluster.Client.Events;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Client.Nodes;
using ExpoCluster.Client.Plans;
using ExpoCluster.Client.Problems;
using ExpoCluster.Client.Recipes;

namespace ExpoCluster.Client;

/// <summary>The contract's JSON: camel case, but for the keys of a recipe, which are those of its file.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(MergeResult))]
[JsonSerializable(typeof(MergedBytes))]
[JsonSerializable(typeof(CopiedBytes))]
[JsonSerializable(typeof(Job))]
[JsonSerializable(typeof(JobPage))]
[JsonSerializable(typeof(PrunedJobs))]
[JsonSerializable(typeof(JobStateChange))]
[JsonSerializable(typeof(RecipeRequest))]
[JsonSerializable(typeof(PlanDescription))]
[JsonSerializable(typeof(RecipeList))]
[JsonSerializable(typeof(ClusterStatus))]
[JsonSerializable(typeof(NodeHealth))]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(ProblemDetail))]
public sealed partial class ContractJson : JsonSerializerContext;
