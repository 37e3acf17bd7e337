using ExpoCluster.Tensors;

namespace ExpoCluster.Server.Jobs;

/// <summary>A node did not come to plan a request, or to the end of it.</summary>
public sealed class PlannerException(string code, string message, string advice) : ExpoException(code, message, advice)
{
    public const string Busy = "EXPO5113";
    public const string TooLong = "EXPO5114";

    /// <summary>All planners had others' requests for the whole time.</summary>
    internal static PlannerException AllBusy(int planners, TimeSpan patience) => new(
        Busy,
        $"all {planners} planners of this node were busy for {patience.TotalSeconds:0.#} s.",
        "send the request again; if that goes on, look at /health/ready, and whether storage and Hub answer.");

    /// <summary>It was planned for so long that nobody need wait for it.</summary>
    internal static PlannerException TookTooLong(TimeSpan patience) => new(
        TooLong,
        $"the plan was not ready within {patience.TotalSeconds:0.#} s.",
        "send the request again; if that goes on, check that the storage with the checkpoints and the Hub answer, and how fast.");
}
