using System.Collections.Immutable;
using System.Data.Common;
using System.Globalization;
using System.Text.Json;
using ExpoCluster.Client;
using ExpoCluster.Client.Events;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Server.Jobs;
using Microsoft.AspNetCore.Http;

namespace ExpoCluster.Server.Api;

/// <summary>The event stream of one job: every change of state, by the journal's number, and between them how it gets on.</summary>
/// <param name="register">Holds the changes, so that a stream can go on behind any of them, on any node.</param>
/// <param name="live">What coordinators say.</param>
/// <param name="heartbeat">A silent stream says something after this time.</param>
internal sealed class JobEvents(JobRegister register, LiveJobs live, TimeSpan heartbeat)
{
    private static readonly TimeSpan Step = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromMilliseconds(400);

    /// <summary>Writes until the job has ended or the client is gone.</summary>
    /// <param name="response">Nothing of it was written yet.</param>
    /// <param name="id">Of a job that is known.</param>
    /// <param name="after">The last event that the client saw; 0 for none.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task WriteAsync(HttpResponse response, string id, long after, CancellationToken cancellation)
    {
        RegisterEntry entry = (await register.FindAsync(id, cancellation).ConfigureAwait(false))!;
        ImmutableArray<RegisterChange> changes = await register.ChangesAsync(id, after, cancellation).ConfigureAwait(false);
        if (changes.IsEmpty && JobStates.HasEnded(entry.State))
        {
            // To a browser this says that it need not come again.
            response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }

        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-store";
        response.Headers["X-Accel-Buffering"] = "no";
        await response.WriteAsync("retry: 1000\n\n", cancellation).ConfigureAwait(false);
        await FollowAsync(new Writer(response), entry, after, cancellation).ConfigureAwait(false);
    }

    private async Task FollowAsync(Writer writer, RegisterEntry entry, long last, CancellationToken cancellation)
    {
        LiveNews? seen = null;
        string told = "";
        while (true)
        {
            LiveNews? news = JobStates.HasEnded(entry.State) ? null : live.Follow(entry.Job).Latest;
            if (news is null || news == seen || news.Progress.State != told)
            {
                (entry, ImmutableArray<RegisterChange> changes) = await LookAsync(entry, last, cancellation).ConfigureAwait(false);
                foreach (RegisterChange change in changes)
                {
                    last = change.Sequence;
                    told = change.State;
                    await writer.WriteAsync(change, cancellation).ConfigureAwait(false);
                }
            }

            if (news is not null && news != seen)
            {
                seen = news;
                await writer.WriteAsync(JobDescription.Of(entry, news, withFiles: true), cancellation).ConfigureAwait(false);
            }

            if (JobStates.HasEnded(entry.State))
            {
                return;
            }

            await writer.BeatAsync(heartbeat, cancellation).ConfigureAwait(false);
            await Task.Delay(ProgressInterval, cancellation).ConfigureAwait(false);
            await live.Follow(entry.Job).AwaitAsync(seen, Step, cancellation).ConfigureAwait(false);
        }
    }

    // Entry first: when it says that the job has ended, the change that says so is there as well.
    private async Task<(RegisterEntry Entry, ImmutableArray<RegisterChange> Changes)> LookAsync(
        RegisterEntry entry, long last, CancellationToken cancellation)
    {
        try
        {
            RegisterEntry now = await register.FindAsync(entry.Job, cancellation).ConfigureAwait(false) ?? entry;
            return (now, await register.ChangesAsync(entry.Job, last, cancellation).ConfigureAwait(false));
        }
        catch (DbException)
        {
            // The stream outlives an absence of the database.
            return (entry, []);
        }
    }

    private sealed class Writer(HttpResponse response)
    {
        private long spokenAt = TimeProvider.System.GetTimestamp();

        public Task WriteAsync(RegisterChange change, CancellationToken cancellation)
        {
            var told = new JobStateChange(change.Sequence, change.State, JobDescription.ReasonOf(change.Reason), change.At);
            string data = JsonSerializer.Serialize(told, ContractJson.Default.JobStateChange);
            return SayAsync(string.Create(CultureInfo.InvariantCulture, $"id: {change.Sequence}\nevent: {JobNewsNames.State}\ndata: {data}\n\n"), cancellation);
        }

        public Task WriteAsync(Job job, CancellationToken cancellation) => SayAsync(
            $"event: {JobNewsNames.Progress}\ndata: {JsonSerializer.Serialize(job, ContractJson.Default.Job)}\n\n", cancellation);

        public Task BeatAsync(TimeSpan interval, CancellationToken cancellation) => TimeProvider.System.GetElapsedTime(spokenAt) >= interval
            ? SayAsync(": still here\n\n", cancellation)
            : Task.CompletedTask;

        private async Task SayAsync(string text, CancellationToken cancellation)
        {
            spokenAt = TimeProvider.System.GetTimestamp();
            await response.WriteAsync(text, cancellation).ConfigureAwait(false);
            await response.Body.FlushAsync(cancellation).ConfigureAwait(false);
        }
    }
}
