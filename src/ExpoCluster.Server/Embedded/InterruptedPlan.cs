using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;

namespace ExpoCluster.Server.Embedded;

/// <summary>Why the plan of today is not the one whose work lies in the output directory.</summary>
internal static class InterruptedPlan
{
    public static ExpoException Explain(OutputPaths paths, ClaimRecord earlier, Plan now)
    {
        if (LoadPlan(paths, earlier) is { } then && FirstChangedInput(then, now) is { } changed)
        {
            return changed;
        }

        return new UsageException(new RecipeProblem(
            OutputPreflight.OtherPlanInProgress,
            "--out",
            $"{paths.Root} holds the unfinished work of another merge (job {earlier.Job}): its inputs or parameters differ from these.",
            "run that command again to finish it, use --restart to throw its work away, or choose another --out."));
    }

    // The same files by name, but not as they were.
    private static TensorFileException? FirstChangedInput(Plan then, Plan now)
    {
        Dictionary<string, PlanInput> current = now.Inputs.ToDictionary(input => input.Path, StringComparer.Ordinal);
        foreach (PlanInput before in then.Inputs)
        {
            if (current.TryGetValue(before.Path, out PlanInput? after) && after != before)
            {
                return new TensorFileException(
                    PlanningException.InputChanged,
                    before.Path,
                    "the file was changed since the merge was begun",
                    "restore the file and run the same command again, or use --restart to begin anew with the file as it is.",
                    expected: Describe(before),
                    found: Describe(after));
            }
        }

        return null;
    }

    private static string Describe(PlanInput input) =>
        $"{input.ByteLength} bytes, header {input.HeaderDigest[..12]}, modified {PlanInput.FormatTime(input.ModifiedUnixNanoseconds)}";

    private static Plan? LoadPlan(OutputPaths paths, ClaimRecord earlier)
    {
        try
        {
            return new PlanStore().Load(paths.Plan(earlier.Job), earlier.PlanDigest);
        }
        catch (JobException)
        {
            return null;
        }
    }
}
