using System.Globalization;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Server.Embedded;
using ExpoCluster.Server.Jobs;

namespace ExpoCluster.Cli.Display;

/// <summary>The last words of a merge, as text or as the contract's JSON.</summary>
internal sealed record MergeReport(MergeOutcome Outcome, OutputPaths Paths, Plan Plan, TimeSpan Elapsed)
{
    /// <summary>Of the plan.</summary>
    public IReadOnlyList<MergeWarning> Warnings { get; init; } = [];

    private Coverage Coverage { get; } = Coverage.Of(Plan);

    private bool IsDone => Outcome.Status == MergeOutcome.Done;

    private IEnumerable<OutputPaths> Outputs => Enumerable.Range(0, Plan.Variants).Select(variant => Paths.Variant(Plan.FolderOf(variant)));

    public void Write(TextWriter target)
    {
        foreach (string line in Lines())
        {
            target.WriteLine(line);
        }
    }

    public MergeResult ToResult()
    {
        var parts = new PartCounts(Outcome.Total, Outcome.Computed, Outcome.Reused);
        return new MergeResult(
            Outcome.Job,
            Outcome.Status,
            [.. Outputs.Select(output => output.Root)],
            parts,
            Outcome.BytesRead,
            Outcome.BytesWritten,
            Elapsed.TotalSeconds)
        {
            Code = Outcome.Reason?.Code, Message = Outcome.Reason?.Message, Statistics = [.. IsDone ? Statistics() : []],
            Warnings = Warnings, Merged = CoverageFacts.MergedOf(Coverage), Copied = CoverageFacts.CopiedOf(Coverage),
        };
    }

    internal IEnumerable<string> Lines()
    {
        string parts = string.Create(CultureInfo.InvariantCulture, $"{Outcome.Reused + Outcome.Computed} of {Outcome.Total} parts");
        return Outcome.Status switch
        {
            MergeOutcome.Done when Outcome.Job is null => AlreadyThere(),
            MergeOutcome.Done => Merged(),
            MergeOutcome.Interrupted => [$"interrupted: {parts} are committed; run the same command again to resume"],
            _ => [$"{Outcome.Status}: {parts} are committed"],
        };
    }

    private IEnumerable<string> AlreadyThere()
    {
        yield return $"{Paths.Root} is already there, whole: nothing to do";
        yield return Next;
    }

    private IEnumerable<string> Merged()
    {
        string reused = Outcome.Reused > 0 ? string.Create(CultureInfo.InvariantCulture, $", {Outcome.Reused} of {Outcome.Total} parts reused") : "";
        yield return string.Create(
            CultureInfo.InvariantCulture,
            $"merged {ByteSize.Format(Plan.OutputByteCount)} in {Elapsed.TotalSeconds:0.0} s ({ByteSize.Format((long)(Outcome.BytesWritten / Elapsed.TotalSeconds))}/s){reused}");
        yield return Coverage.ToString();
        foreach (OutputPaths output in Outputs)
        {
            yield return output.Root;
            foreach (string line in StatisticsOf(output) is { } statistics ? StatisticsSummary.Lines(statistics, Plan.MainDtype, Coverage) : [])
            {
                yield return line;
            }
        }

        yield return Next;
    }

    private string Next => $"check it: expocluster verify {Paths.Root}";

    private IEnumerable<OutputStatistics> Statistics() => Outputs.Select(PublishedStatistics.Of).OfType<OutputStatistics>();

    // The record was written by this very merge, or checked before it was found to be there; a tool that reports must not fail on it.
    private static ProvenanceStatistics? StatisticsOf(OutputPaths output)
    {
        try
        {
            return Provenance.ReadFrom(output)?.Statistics;
        }
        catch (ProvenanceException)
        {
            return null;
        }
    }
}
