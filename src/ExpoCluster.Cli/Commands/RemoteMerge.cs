using System.Diagnostics;
using System.Text.Json;
using ExpoCluster.Cli.Display;
using ExpoCluster.Client;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Server.Embedded;

namespace ExpoCluster.Cli.Commands;

/// <summary><c>expocluster merge --server</c>: a merge on a cluster, watched from here.</summary>
internal sealed class RemoteMerge(ExpoClusterClient client, bool quiet, bool json)
{
    public static RecipeRequest RequestOf(Recipe recipe, bool overwrite) =>
        JsonSerializer.Deserialize(recipe.ToCanonicalJson(), ContractJson.Default.RecipeRequest)! with { Overwrite = overwrite ? true : null };

    public async Task<int> RunAsync(Recipe recipe, bool overwrite)
    {
        var clock = Stopwatch.StartNew();
        SubmittedJob submitted = await client.SubmitAsync(RequestOf(recipe, overwrite)).ConfigureAwait(false);
        Job job = submitted.IsNew ? submitted.Job : await TakeUpAsync(submitted.Job).ConfigureAwait(false);
        WatchedJob watched = await new JobWatch(client, quiet).RunAsync(job).ConfigureAwait(false);
        return Report(watched, clock.Elapsed);
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

    private int Report(WatchedJob watched, TimeSpan elapsed)
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
            Console.Out.WriteLine(JsonSerializer.Serialize(ResultOf(watched, elapsed), ContractJson.Default.MergeResult));
        }
        else if (!quiet && !watched.IsDetached)
        {
            Console.Out.WriteLine(JobLines.Ended(job, elapsed));
        }

        return watched.IsDetached ? ExitCodes.Interrupted : JobLines.ExitCodeOf(job);
    }

    private static MergeResult ResultOf(WatchedJob watched, TimeSpan elapsed)
    {
        Job job = watched.Job;
        return new MergeResult(
            job.Id,
            watched.IsDetached ? MergeOutcome.Interrupted : job.State,
            job.Output,
            new PartCounts(job.Parts.Total, job.Parts.Committed - job.Parts.Reused, job.Parts.Reused),
            job.BytesRead,
            job.BytesWritten,
            elapsed.TotalSeconds)
        {
            Code = job.Reason?.Code, Message = job.Reason?.Message,
        };
    }
}
