using Akka.Actor;
using Akka.Cluster.Sharding;
using Akka.Event;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Tensors;

namespace ExpoCluster.Cluster.Coordination;

/// <summary>Stands where the coordinator of a job should, when its journal cannot be read: says so to everybody, and lets nobody wait.</summary>
/// <remarks>
/// It journals nothing. Resuming the job has it read again, for somebody may have repaired the database; cancelling it removes what the list of
/// jobs knows of it, after which it can be forgotten.
/// </remarks>
internal sealed class DamagedJob : ReceiveActor
{
    // Whoever resumes repeats it until he is answered: what was just found damaged is not read again for each of these.
    private static readonly TimeSpan ReadAgainAfter = TimeSpan.FromSeconds(5);

    private readonly string job;
    private readonly JobReason reason;
    private readonly DamagedJobs damaged;
    private readonly ILoggingAdapter log = Context.GetLogger();

    // Null in an embedded merge, whose command begins anew with --restart.
    private readonly DamagedJobEnd? end;

    public DamagedJob(string job, JobReason reason, CoordinatorSettings settings, TimeProvider clock)
    {
        this.job = job;
        this.reason = reason;
        damaged = settings.Damaged;
        end = settings.Register is { } register ? new DamagedJobEnd(job, register, settings.Admission, clock) : null;
        DateTimeOffset since = clock.GetUtcNow();
        log.Error("Job {Job} cannot go on: {Reason} ({Code})", job, reason.Message, reason.Code);

        Receive<WatchJob>(_ => Sender.Tell(Progress()));
        Receive<DrainJob>(_ => Sender.Tell(new JobDrained { Job = job }));
        Receive<SubmitJob>(_ => Reject());
        Receive<CancelJob>(_ => Cancel());
        Receive<Cancelled>(_ => OnCancelled());
        Receive<Status.Failure>(failure => OnNotCancelled(failure.Cause));
        Receive<ResumeJob>(_ =>
        {
            if (clock.GetUtcNow() - since < ReadAgainAfter)
            {
                Reject();
                return;
            }

            damaged.Forget(job);
            Context.Stop(Self);
        });

        Receive<RequestParts>(_ => Sender.Tell(new NoParts { Job = job, Ended = true }));
        Receive<RenewLeases>(message => Sender.Tell(Lost(message)));
        Receive<PartReturned>(message => Sender.Tell(
            new ReturnAcknowledged { Job = job, Incarnation = message.Incarnation, Number = message.Number }));
        Receive<RequestTransfers>(_ => Sender.Tell(new JobEnded { Job = job }));
        Receive<RenewTransfers>(_ => Sender.Tell(new JobEnded { Job = job }));
        Receive<DescribeFile>(message => EndFile(message.File));
        Receive<StagingReported>(message => EndFile(message.File));
        Receive<PartsReported>(message => EndFile(message.File));
        Receive<ShardSealed>(message => EndFile(message.File));
        ReceiveAny(_ => { });
    }

    public static Props PropsFor(string job, JobReason reason, CoordinatorSettings settings, TimeProvider clock) =>
        Props.Create(() => new DamagedJob(job, reason, settings, clock));

    // Whoever looks at the list, or forgets old jobs, need not ask here.
    protected override void PreStart() => end?.FailAsync(reason).ContinueWith(
        failed => log.Warning("Job {Job}: the list of jobs cannot be told that it failed ({Reason}).", job, failed.Exception!.GetBaseException().Message),
        CancellationToken.None,
        TaskContinuationOptions.OnlyOnFaulted,
        TaskScheduler.Default);

    private void Reject() => Reject(reason.Code, reason.Message, reason.Advice);

    private void Reject(string code, string message, string advice) =>
        Sender.Tell(new JobRejected { Job = job, Code = code, Message = message, Advice = advice });

    private void Cancel()
    {
        if (end is null)
        {
            Reject();
            return;
        }

        end.CancelAsync().PipeTo(Self, Sender, isDone => isDone ? Cancelled.Instance : new Status.Failure(new IOException("the output is in use")));
    }

    // It need not be remembered any more: whoever speaks to it again finds the same.
    private void OnCancelled()
    {
        log.Info("Job {Job} is cancelled; of its journal nothing could be read.", job);
        damaged.Forget(job);
        Sender.Tell(new JobAccepted { Job = job });
        Context.Parent.Tell(new Passivate(PoisonPill.Instance));
    }

    // What is the database's or the storage's fault is repeated by whoever cancels.
    private void OnNotCancelled(Exception cause)
    {
        if (cause is ExpoException refusal)
        {
            Reject(refusal.Code, refusal.Message, refusal.Advice);
        }
        else
        {
            log.Warning("Job {Job}: it cannot be cancelled now ({Reason}).", job, cause.GetBaseException().Message);
        }
    }

    private void EndFile(int file) => Sender.Tell(new FileEnded { Job = job, File = file });

    private JobProgress Progress() => new()
    {
        Job = job,
        State = JobPhase.Failed.Word(),
        Reason = new JobReasonFact { Code = reason.Code, Message = reason.Message, Advice = reason.Advice },
        // Newer than whatever the list of jobs remembers of it.
        Sequence = long.MaxValue,
    };

    private static LeasesRenewed Lost(RenewLeases message)
    {
        var answer = new LeasesRenewed { Job = message.Job };
        answer.Lost.AddRange(message.Leases.Select(lease => new AttemptName { Incarnation = lease.Incarnation, Number = lease.Number }));
        return answer;
    }

    private sealed class Cancelled
    {
        public static readonly Cancelled Instance = new();
    }
}
