using System.Globalization;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Server.Embedded;

namespace ExpoCluster.Cli.Display;

/// <summary>The last lines of a merge.</summary>
internal static class MergeSummary
{
    public static void Write(MergeOutcome outcome, string output, Plan plan, TimeSpan elapsed)
    {
        foreach (string line in Lines(outcome, output, plan, elapsed))
        {
            Console.Out.WriteLine(line);
        }
    }

    internal static IEnumerable<string> Lines(MergeOutcome outcome, string output, Plan plan, TimeSpan elapsed)
    {
        string parts = string.Create(CultureInfo.InvariantCulture, $"{outcome.Reused + outcome.Computed} of {outcome.Total} parts");
        switch (outcome.Status)
        {
            case MergeOutcome.Done when outcome.Job is null:
                yield return $"{output} is already there, whole: nothing to do";
                yield return $"check it: expocluster verify {output}";
                break;
            case MergeOutcome.Done:
                string reused = outcome.Reused > 0 ? string.Create(CultureInfo.InvariantCulture, $", {outcome.Reused} of {outcome.Total} parts reused") : "";
                yield return string.Create(
                    CultureInfo.InvariantCulture,
                    $"merged {ByteSize.Format(plan.OutputByteCount)} in {elapsed.TotalSeconds:0.0} s ({ByteSize.Format((long)(outcome.BytesWritten / elapsed.TotalSeconds))}/s){reused}");
                yield return output;
                yield return $"check it: expocluster verify {output}";
                break;
            case MergeOutcome.Interrupted:
                yield return $"interrupted: {parts} are committed; run the same command again to resume";
                break;
            default:
                yield return $"{outcome.Status}: {parts} are committed";
                break;
        }
    }
}
