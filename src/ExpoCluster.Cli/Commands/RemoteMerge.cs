using System.Diagnostics;
using System.Text.Json;
using ExpoCluster.Cli.Display;
using ExpoCluster.Client;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Server.Embedded;

namespace ExpoCluster.Cli.Commands;

/// <summary><c>expocluster merge --server</c>: a merge on a cluster, watched from here.</summary>
internal sealed class RemoteMerge(ExpoClusterClient client, bool quiet, bool json)
{
    public static RecipeRequest RequestOf(Recipe recipe, bool overwrite, PlanOptions? planning = null) =>
        JsonSerializer.Deserialize(recipe.ToCanonicalJson(), ContractJson.Default.RecipeRequest)! with { Overwrite = overwrite ? true : null, NoSample = planning is { TakesSample: false } ? true : null };

    public async Task<int> RunAsync(Recipe recipe, bool overwrite, PlanOptions planning)
    {
        var clock = Stopwatch.StartNew();
        SubmittedJob submitted = await client.SubmitAsync(RequestOf(recipe, overwrite, planning)).ConfigureAwait(false);
        IReadOnlyList<string> notes = submitted.Job.Notes ?? [];
        foreach (string note in quiet ? [] : notes)
        {
            Console.Error.WriteLine("note: " + note);
        }

        IReadOnlyList<MergeWarning> warnings = submitted.Job.Warnings ?? [];
        foreach (MergeWarning warning in quiet ? [] : warnings)
        {
            Console.Error.WriteLine($"warning {warning.Code}: {warning.Message}");
        }

        Job job = submitted.IsNew ? submitted.Job : await TakeUpAsync(submitted.Job).ConfigureAwait(false);
        WatchedJob watched = await new JobWatch(client, quiet).RunAsync(job).ConfigureAwait(false);
        return Report(watched, () => ResultOf(watched, notes, warnings, wasDone: !submitted.IsNew && job.State == JobStates.Done, clock.Elapsed), clock.Elapsed);
    }

    // The same command again resumes, with a server as without.
    private async Task<Job> TakeUpAsync(Job job)
    {
        bool rests = job.State is JobStates.Suspended or JobStates.Failed;
        if (!quiet)
        {
            Console.Error.WriteLine($"note: job {job.Id} was submitted before and is {job.State}{(rests ? "; it is resumed" : "")}");
        }

        return rests ? await client.ResumeAsync(job.Id).ConfigureAwait(false) : job;
    }

    private int Report(WatchedJob watched, Func<MergeResult> result, TimeSpan elapsed)
    {
        Job job = watched.Job;
        if (watched.IsDetached)
        {
            Console.Error.WriteLine($"detached: job {job.Id} goes on without this command");
            Console.Error.WriteLine($"  watch it: expocluster jobs watch {job.Id} --server {client.Server}");
            Console.Error.WriteLine($"  cancel it: expocluster jobs cancel {job.Id} --server {client.Server}");
        }
        else if (job.Reason is { } reason && job.State != JobStates.Done)
        {
            ErrorLines.Write(Console.Error, reason.Code, reason.Message, reason.Advice);
        }

        if (json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(result(), ContractJson.Default.MergeResult));
        }
        else if (!quiet && !watched.IsDetached)
        {
            Console.Out.WriteLine(JobLines.Ended(job, elapsed));
            foreach (string line in JobLines.Coverage(job).Concat(JobLines.NotFinite(job)))
            {
                Console.Out.WriteLine(line);
            }
        }

        return watched.IsDetached ? ExitCodes.Interrupted : JobLines.ExitCodeOf(job);
    }

    // An embedded merge that finds its output there says that it computed and read nothing, and so does this.
    private static MergeResult ResultOf(WatchedJob watched, IReadOnlyList<string> notes, IReadOnlyList<MergeWarning> warnings, bool wasDone, TimeSpan elapsed)
    {
        Job job = watched.Job;
        OutputStatistics? first = job.Statistics is [var one, ..] ? one : null;
        int reused = wasDone ? job.Parts.Committed : job.Parts.Reused;
        return new MergeResult(
            job.Id,
            watched.IsDetached ? MergeOutcome.Interrupted : job.State,
            job.Output,
            new PartCounts(job.Parts.Total, job.Parts.Committed - reused, reused),
            wasDone ? 0 : job.BytesRead,
            wasDone ? 0 : job.BytesWritten,
            (job.State == JobStates.Done && !wasDone ? job.ChangedAt - job.SubmittedAt : elapsed).TotalSeconds)
        {
            Code = job.Reason?.Code, Message = job.Reason?.Message, Statistics = job.Statistics ?? [], Notes = notes, Warnings = warnings,
            Merged = first?.Merged, Copied = first?.Copied,
        };
    }
}
