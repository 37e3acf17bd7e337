using ExpoCluster.Client.Plans;
using ExpoCluster.Core.Hub.Download;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Server.Jobs;

/// <summary>A plan as the contract tells it.</summary>
public static class PlanDescriptions
{
    public static PlanDescription Of(Recipe recipe, PlannedMerge merge, HubNeeds? needs)
    {
        Plan plan = merge.Plan;
        FileSystemFacts? storage = recipe.Output is { } output ? FileSystemFacts.Of(output) : null;
        PlannedTensor[] tensors = [.. plan.Layout.SelectMany(file => file.Tensors)];
        return new PlanDescription
        {
            Digest = plan.Digest,
            Method = plan.Method,
            Numerics = plan.Numerics.ToString().ToLowerInvariant(),
            Alpha = recipe.Sweep.IsEmpty ? recipe.Alpha.Single : null,
            Alphas = [.. plan.Alphas.Select(row => new PlannedAlpha(row.Alpha, row.Tensors))],
            Base = recipe.Base,
            Aligned = recipe.Aligned,
            Output = recipe.Output,
            Files = [.. plan.Files.Select(file => new PlannedOutputFile(file.Name, file.ByteLength, file.Tensors.Length, file.PartCount))],
            Tensors = TensorsOf(tensors),
            Parameters = tensors.Sum(tensor => tensor.Entry.ElementCount),
            Parts = plan.PartCount,
            BytesRead = plan.InputByteCount,
            BytesWritten = plan.OutputByteCount,
            DiskNeeded = OutputNeeds.Of(merge).Bytes + SharedBytes(storage, needs),
            DiskFree = storage?.FreeBytes,
            FileSystem = storage?.Kind,
            Reserved = storage?.CanReserve,
            Hub = needs is null ? null : Of(merge, needs),
            Notes = merge.Notes,
            Warnings = CoverageFacts.Of(merge.Warnings),
            Merged = CoverageFacts.MergedOf(merge.Coverage),
            Copied = CoverageFacts.CopiedOf(merge.Coverage),
        };
    }

    // What is fetched takes from the same disk that the output needs.
    private static long SharedBytes(FileSystemFacts? output, HubNeeds? needs) =>
        output is not null && needs is not null && FileSystemFacts.Of(needs.Cache.Directory).MountPoint == output.MountPoint ? needs.NeededDiskBytes : 0;

    private static PlannedTransfers Of(PlannedMerge merge, HubNeeds needs) => new(
        merge.Base.PinnedReference,
        merge.Aligned.PinnedReference,
        needs.Cache.Directory,
        needs.CachedBytes,
        needs.MissingBytes,
        needs.Missing.Length,
        needs.NeededDiskBytes,
        FileSystemFacts.Of(needs.Cache.Directory).FreeBytes);

    private static PlannedTensors TensorsOf(PlannedTensor[] tensors) => new(
        tensors.Length,
        tensors.Count(tensor => tensor.IsMerged),
        tensors.Count(tensor => !tensor.IsMerged),
        [.. tensors.Where(tensor => tensor.MergedElements is not null).Select(tensor => tensor.Entry.Name)],
        [.. tensors.Select(tensor => tensor.Entry.Dtype).Distinct().Order().Select(dtype => dtype.Name())]);
}
