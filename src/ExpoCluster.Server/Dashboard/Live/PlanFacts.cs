using ExpoCluster.Core.Planning;

namespace ExpoCluster.Server.Dashboard.Live;

/// <summary>What the page of a job tells of its plan, which may be a thousand times as large.</summary>
public sealed record PlanFacts(long InputBytes, int InputFiles, int Extrapolated, int Copied, string Coverage)
{
    public static PlanFacts Of(Plan plan)
    {
        int tensors = plan.Layout.Sum(file => file.Tensors.Length);
        int extrapolated = plan.Layout.Sum(file => file.Tensors.Count(tensor => tensor.IsMerged));
        return new PlanFacts(plan.InputByteCount, plan.Inputs.Length, extrapolated, tensors - extrapolated, Core.Planning.Coverage.Of(plan).ToString());
    }
}
