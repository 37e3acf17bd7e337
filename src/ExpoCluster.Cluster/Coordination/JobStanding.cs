using System.Collections.Immutable;
using System.Diagnostics;
using Akka.Actor;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Telemetry;

namespace ExpoCluster.Cluster.Coordination;

/// <summary>How a job stands, for those who do not ask its coordinator: the list of jobs, the metrics, the trace.</summary>
/// <param name="job">The job's id.</param>
/// <param name="registrar">Who writes the list; null in an embedded merge, which has none.</param>
/// <param name="node">The coordinator's node.</param>
/// <param name="clock">For the times of entries.</param>
internal sealed class JobStanding(string job, IActorRef? registrar, string node, TimeProvider clock)
{
    private string registeredWord = "";
    private long registeredSequence;
    private string countedWord = "";
    private int wantedLanes;

    /// <summary>Enters the job into the list under a word for its state.</summary>
    /// <param name="state">What the journal says.</param>
    /// <param name="word">What that is called.</param>
    /// <param name="sequence">Of the last event that it comes from.</param>
    /// <param name="waits">Why nothing runs though it could; null where the journal says why, or there is nothing to say.</param>
    public void Register(JobState state, string word, long sequence, JobReason? waits)
    {
        CountAs(state, word);
        if (registrar is not null && state.Phase != JobPhase.New)
        {
            registeredWord = word;
            registeredSequence = sequence;
            registrar.Tell(RegisterEntry.Of(state, word, sequence, clock.GetUtcNow(), waits));
        }
    }

    // Whether anything can run is no event of the journal's, but follows from those. The register knows one state of a job for each of
    // them, so what changes without one is written with the next.
    public void RegisterIfChanged(JobState state, string word, long sequence, JobReason? waits)
    {
        if (word != registeredWord && sequence > registeredSequence)
        {
            Register(state, word, sequence, waits);
        }
    }

    /// <summary>What was journalled: the list is told if the job's state is another now, and an end is counted.</summary>
    public void Follow(ImmutableArray<JobEvent> journalled, JobState state, string word, long sequence, JobReason? waits)
    {
        if (journalled.Any(fact => fact is JobEvent.Published or JobEvent.Failed or JobEvent.Cancelled))
        {
            JobMetrics.JobsEnded.Add(state.Word);
            Record(JobTrace.Job, state, state.Submission!.At);
        }

        if (journalled.Any(ChangesState))
        {
            Register(state, word, sequence, waits);
        }
    }

    /// <summary>Says it when what was journalled before stands in the list, so that whoever hears it finds it there.</summary>
    public void Say(IActorRef to, object message)
    {
        if (registrar is null)
        {
            to.Tell(message);
        }
        else
        {
            registrar.Tell(new Registrar.Saying(to, message));
        }
    }

    public void CountAs(JobState state, string word)
    {
        bool exists = state.Phase != JobPhase.New;
        if (exists && word == "running")
        {
            JobMetrics.Run(job);
        }
        else
        {
            JobMetrics.Rest(job);
        }

        Count(exists ? word : "");
    }

    /// <summary>How many lanes the job could keep busy now, for whoever starts and stops workers.</summary>
    public void WantLanes(int lanes)
    {
        if (lanes != wantedLanes)
        {
            JobMetrics.LanesWanted.Add(lanes - wantedLanes);
            wantedLanes = lanes;
        }
    }

    /// <summary>The coordinator leaves this process, so the job is none of its jobs any more.</summary>
    public void Leave()
    {
        JobMetrics.Rest(job);
        Count("");
        WantLanes(0);
    }

    /// <summary>What spans of the job are below.</summary>
    // Journalled with the job, so that whoever takes over goes on in the same trace; and where nothing was journalled, it follows from the id.
    public ActivityContext Above(JobState state) => JobTrace.Above(state.Submission?.TraceParent ?? "", job);

    public void Record(string span, JobState state, DateTimeOffset start) => JobTrace.Record(
        span,
        Above(state),
        start,
        [
            new(JobTrace.JobAttribute, job),
            new(JobTrace.NodeAttribute, node),
            new(JobTrace.OutcomeAttribute, state.Word),
        ],
        state.Phase == JobPhase.Failed ? state.Reason?.Message : null);

    private void Count(string word)
    {
        if (word == countedWord)
        {
            return;
        }

        if (countedWord.Length > 0)
        {
            JobMetrics.Jobs.Add(countedWord, -1);
        }

        if (word.Length > 0)
        {
            JobMetrics.Jobs.Add(word);
        }

        countedWord = word;
    }

    private static bool ChangesState(JobEvent journalled) => journalled is not (
        JobEvent.StagingCreated or JobEvent.PartsCommitted or JobEvent.FileSealed
        or JobEvent.CoordinatorStarted or JobEvent.WorkerEngaged or JobEvent.LeasesSettled
        or JobEvent.FilesTransferred or JobEvent.FilesLost or JobEvent.PartsLost);
}
