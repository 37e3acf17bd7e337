using Akka.Actor;
using Akka.Persistence;
using Akka.TestKit;
using ExpoCluster.Cluster.Coordination;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Planning;
using ExpoCluster.Tensors;

namespace ExpoCluster.Cluster.Tests.Coordination;

/// <summary>A job whose journal holds an event that contradicts those before it.</summary>
public sealed class DamagedJobTests : ClusterTestKit
{
    private const string Job = "damaged1";

    private readonly ManualClock clock = new();
    private readonly TestProbe user;
    private readonly TestProbe worker;
    private readonly List<ExpoException> stopped = [];
    private readonly CoordinatorSettings settings;

    public DamagedJobTests()
    {
        RefusableJournal.Refusals = 0;
        user = CreateTestProbe();
        worker = CreateTestProbe();
        settings = new CoordinatorSettings { Version = "test", Stopped = stopped.Add };
        Journal(Job, new JobEvent.Published());
    }

    [Fact]
    public void Whoever_keeps_the_job_alive_is_told_why_it_cannot_go_on()
    {
        Recover();

        ExpoException why = Assert.Single(stopped);
        Assert.Equal("EXPO3013", why.Code);
        Assert.Contains(Job, why.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Started_again_it_is_shown_as_failed_with_the_reason()
    {
        Recover();
        IActorRef next = Start();

        next.Tell(new WatchJob { Job = Job }, user);

        JobProgress progress = user.ExpectMsg<JobProgress>(Soon);
        Assert.Equal(("failed", "EXPO3013"), (progress.State, progress.Reason.Code));
    }

    [Fact]
    public void Nobody_waits_for_it()
    {
        Recover();
        IActorRef next = Start();

        next.Tell(new SubmitJob { Job = Job }, user);
        next.Tell(new CancelJob { Job = Job }, user);
        next.Tell(new RequestParts { Job = Job, Worker = "w", Count = 1 }, worker);
        next.Tell(new PartsReported { Job = Job, File = 3 }, worker);

        Assert.Equal(["EXPO3013", "EXPO3013"], new[] { user.ExpectMsg<JobRejected>(Soon).Code, user.ExpectMsg<JobRejected>(Soon).Code });
        Assert.True(worker.ExpectMsg<NoParts>(Soon).Ended);
        Assert.Equal(3, worker.ExpectMsg<FileEnded>(Soon).File);
    }

    [Fact]
    public void Resumed_later_it_is_read_again()
    {
        Recover();
        IActorRef next = Start();
        next.Tell(new ResumeJob { Job = Job }, user);
        user.ExpectMsg<JobRejected>(Soon);
        Watch(next);

        clock.Advance(TimeSpan.FromMinutes(1));
        next.Tell(new ResumeJob { Job = Job }, user);

        ExpectTerminated(next, Soon);
        Recover();
        Assert.Equal(2, stopped.Count);
    }

    [Fact]
    public void What_is_no_event_of_a_job_is_not_passed_over()
    {
        Journal("damaged2", "a text, which Akka reads as well");

        Recover("damaged2");

        Assert.Equal("EXPO3013", Assert.Single(stopped).Code);
    }

    private void Journal(string job, object journalled)
    {
        IActorRef scribe = Sys.ActorOf(Props.Create(() => new Scribe(Coordinator.PersistenceIdOf(job))));
        scribe.Tell(journalled, user);
        user.ExpectMsg("written", Soon);
        Watch(scribe);
        scribe.Tell(PoisonPill.Instance);
        ExpectTerminated(scribe, Soon);
    }

    private void Recover(string job = Job)
    {
        IActorRef coordinator = Start(job);
        Watch(coordinator);
        ExpectTerminated(coordinator, Soon);
    }

    private IActorRef Start(string job = Job) => Sys.ActorOf(Coordinator.PropsFor(job, CreateTestProbe(), new PlanStore(), settings, clock));

    /// <summary>Writes into somebody else's journal.</summary>
    private sealed class Scribe : ReceivePersistentActor
    {
        public Scribe(string id)
        {
            PersistenceId = id;
            CommandAny(journalled => Persist(journalled, _ => Sender.Tell("written")));
        }

        public override string PersistenceId { get; }
    }
}
