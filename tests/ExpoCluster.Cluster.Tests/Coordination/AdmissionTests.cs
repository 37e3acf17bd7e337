using Akka.Actor;
using Akka.TestKit;
using ExpoCluster.Cluster.Coordination;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Storage;
using ExpoCluster.Core.Tests;

namespace ExpoCluster.Cluster.Tests.Coordination;

/// <summary>What a coordinator looks at itself before it takes a job, whoever says that it is all right.</summary>
public sealed class AdmissionTests : ClusterTestKit
{
    private const string Job = "job1";

    private readonly SmallPair pair = new();
    private readonly DirectoryInfo elsewhere = Directory.CreateTempSubdirectory("expocluster-elsewhere-");
    private readonly PlanStore plans = new();
    private readonly Plan plan;
    private readonly TestProbe user;

    public AdmissionTests()
    {
        plan = pair.Plan().Plan;
        user = CreateTestProbe();
    }

    // Below which the pair and its output lie.
    private string Root => RealPath.Of(Path.GetDirectoryName(pair.Output.Root)!);

    protected override void AfterAll()
    {
        base.AfterAll();
        pair.Dispose();
        elsewhere.Delete(recursive: true);
    }

    [Fact]
    public void A_job_whose_paths_lie_below_the_storage_roots_is_taken()
    {
        Submit(Root, pair.Output);

        user.ExpectMsg<JobAccepted>(Soon);
    }

    [Fact]
    public void An_output_outside_the_storage_roots_is_refused_and_nothing_is_made_there()
    {
        var outside = new OutputPaths(Path.Join(RealPath.Of(elsewhere.FullName), "out"));

        Submit(Root, outside);

        Assert.Equal(StorageRoots.OutsideRoots, user.ExpectMsg<JobRejected>(Soon).Code);
        Assert.False(File.Exists(outside.Claim));
    }

    [Fact]
    public void An_input_outside_the_storage_roots_is_refused()
    {
        var inside = new OutputPaths(Path.Join(RealPath.Of(elsewhere.FullName), "out"));

        Submit(RealPath.Of(elsewhere.FullName), inside);

        JobRejected refusal = user.ExpectMsg<JobRejected>(Soon);
        Assert.Equal(StorageRoots.OutsideRoots, refusal.Code);
        Assert.Contains(plan.Inputs[0].Path, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_embedded_merge_takes_no_plan_but_its_commands()
    {
        IActorRef coordinator = Start(new CoordinatorSettings { Version = "test", OnlyPlan = "the command's" });

        coordinator.Tell(Submission(pair.Output), user);

        Assert.Equal("EXPO3007", user.ExpectMsg<JobRejected>(Soon).Code);
    }

    private static OutputPaths MadeFor(OutputPaths output)
    {
        Directory.CreateDirectory(output.Workspace);
        return output;
    }

    private void Submit(string root, OutputPaths output)
    {
        plans.Save(MadeFor(output).Plan(Job), plan);
        IActorRef coordinator = Start(new CoordinatorSettings
        {
            Version = "test",
            Admission = new OutputAdmission(rows: null),
            StorageRoots = new StorageRoots([root]),
            HubCache = new HubCache(Path.Join(root, "hub")),
            IsAlone = true,
        });
        coordinator.Tell(Submission(output), user);
    }

    private IActorRef Start(CoordinatorSettings settings) =>
        Sys.ActorOf(Coordinator.PropsFor(Job, CreateTestProbe(), plans, settings, TimeProvider.System));

    private SubmitJob Submission(OutputPaths output)
    {
        var submission = new SubmitJob { Job = Job, RecipeJson = "{}", Output = output.Root, PlanDigest = plan.Digest, NumericsVersion = 1 };
        submission.Files.AddRange(plan.Files.Select(file => new PlannedFileFact { Name = file.Name, ByteLength = file.ByteLength }));
        return submission;
    }
}
