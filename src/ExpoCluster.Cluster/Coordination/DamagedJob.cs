using Akka.Actor;
using Akka.Event;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Cluster.Coordination;

/// <summary>Stands where the coordinator of a job should, when its journal cannot be read: says so to everybody, and lets nobody wait.</summary>
/// <remarks>It journals nothing. Resuming the job has it read again, for somebody may have repaired the database.</remarks>
internal sealed class DamagedJob : ReceiveActor
{
    // Whoever resumes repeats it until he is answered: what was just found damaged is not read again for each of these.
    private static readonly TimeSpan ReadAgainAfter = TimeSpan.FromSeconds(5);

    private readonly string job;
    private readonly JobReason reason;

    public DamagedJob(string job, JobReason reason, DamagedJobs damaged, TimeProvider clock)
    {
        this.job = job;
        this.reason = reason;
        DateTimeOffset since = clock.GetUtcNow();
        Context.GetLogger().Error("Job {Job} cannot go on: {Reason} ({Code})", job, reason.Message, reason.Code);

        Receive<WatchJob>(_ => Sender.Tell(Progress()));
        Receive<DrainJob>(_ => Sender.Tell(new JobDrained { Job = job }));
        Receive<SubmitJob>(_ => Reject());
        Receive<CancelJob>(_ => Reject());
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

    public static Props PropsFor(string job, JobReason reason, DamagedJobs damaged, TimeProvider clock) =>
        Props.Create(() => new DamagedJob(job, reason, damaged, clock));

    private void Reject() => Sender.Tell(new JobRejected { Job = job, Code = reason.Code, Message = reason.Message, Advice = reason.Advice });

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
}
