using System.Runtime.InteropServices;
using ExpoCluster.Cli.Display;
using ExpoCluster.Client;
using ExpoCluster.Client.Events;
using ExpoCluster.Client.Jobs;

namespace ExpoCluster.Cli.Commands;

/// <summary>How watching a job ended.</summary>
/// <param name="Job">As it was seen last.</param>
/// <param name="IsDetached">The user left, and the job goes on.</param>
internal sealed record WatchedJob(Job Job, bool IsDetached);

/// <summary>Watches a job of a server until it stops, or until the user has seen enough: Ctrl-C leaves it alone.</summary>
internal sealed class JobWatch(ExpoClusterClient client, bool quiet)
{
    private string? waiting;

    public async Task<WatchedJob> RunAsync(Job job)
    {
        using var detach = new CancellationTokenSource();
        void OnSignal(PosixSignalContext signal)
        {
            // The second signal is not caught.
            signal.Cancel = !detach.IsCancellationRequested;
            detach.Cancel();
        }

        using PosixSignalRegistration onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        using PosixSignalRegistration onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        using IProgressDisplay display = ProgressDisplay.Create(quiet);
        Job last = job;
        try
        {
            long seen = 0;
            while (!HasStopped(last))
            {
                await foreach (JobNews news in client.WatchAsync(job.Id, seen, detach.Token).ConfigureAwait(false))
                {
                    (last, seen) = news switch
                    {
                        JobNews.Progressed now => (now.Job, seen),
                        JobNews.StateChanged { Change: { } change } => (last, change.Sequence),
                        _ => (last, seen),
                    };
                    if (news is JobNews.Progressed)
                    {
                        display.Show(RemoteProgress.Of(last));
                        TellWhetherItWaits(display, last.State, last.Reason);
                    }
                    else if (news is JobNews.StateChanged { Change: { } told })
                    {
                        TellWhetherItWaits(display, told.State, told.Reason);
                        if (told.State == JobStates.Suspended)
                        {
                            break;
                        }
                    }
                }

                // A stream tells old changes too: what counts is how it is now.
                last = WithFigures(await client.ShowAsync(job.Id, detach.Token).ConfigureAwait(false), last);
            }

            display.Show(RemoteProgress.Of(last));
            return new WatchedJob(last, IsDetached: false);
        }
        catch (OperationCanceledException) when (detach.IsCancellationRequested)
        {
            return new WatchedJob(last, IsDetached: true);
        }
    }

    public static bool HasStopped(Job job) => JobStates.HasEnded(job.State) || job.State == JobStates.Suspended;

    // Once for each reason, and once that it is over, for a display that goes on shows what was said last.
    private void TellWhetherItWaits(IProgressDisplay display, string state, JobReason? reason)
    {
        string? why = state == JobStates.Queued ? reason?.Message : null;
        if (why != waiting)
        {
            waiting = why;
            display.Say(why is null ? "it goes on" : $"waiting: {why}");
        }
    }

    // Of an ended job nobody is left to tell what its last coordinator read.
    private static Job WithFigures(Job now, Job last) => now.BytesRead > 0
        ? now
        : now with { BytesRead = last.BytesRead, Parts = now.Parts with { Reused = last.Parts.Reused } };
}
