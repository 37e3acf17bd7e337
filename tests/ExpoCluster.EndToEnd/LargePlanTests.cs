using System.Diagnostics;
using System.Globalization;
using Akka.Actor;
using ExpoCluster.Cluster.Coordination;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Membership;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Cluster.Work;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using Xunit.Abstractions;

namespace ExpoCluster.EndToEnd;

/// <summary>A job of 671 billion parameters whose parts nobody computes: its plan, its coordinator's memory, its recovery from PostgreSQL.</summary>
public sealed class LargePlanTests(ITestOutputHelper output) : IDisposable
{
    private const string Job = "large";

    private readonly Workplace place = new();
    private readonly PostgresServer? database = PostgresServer.Missing is null ? new PostgresServer() : null;

    public void Dispose()
    {
        database?.Dispose();
        place.Dispose();
    }

    [LongFact(Needs.Postgres)]
    public async Task A_job_of_671_billion_parameters_is_planned_and_recovered_in_seconds_and_fits_into_a_small_node()
    {
        LargePair.Write(place.Root);
        var clock = Stopwatch.StartNew();
        RunResult planned = ExpoProcess.Run("plan", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", place.Output, "--json");
        double wholeSeconds = clock.Elapsed.TotalSeconds;
        Assert.True(planned.ExitCode is 0 or 4, planned.ToString());

        long before = GC.GetTotalMemory(forceFullCollection: true);
        var recipe = new Recipe { Base = place.Base, Aligned = place.Aligned, Alpha = 0.3 };
        clock.Restart();
        Plan plan = Planner.Plan(recipe).Plan;
        double planSeconds = clock.Elapsed.TotalSeconds;
        Assert.Equal((LargePair.FileCount, LargePair.TensorCount), (plan.Files.Length, plan.Files.Sum(file => file.Tensors.Length)));

        await using Node node = await StartNodeAsync();
        int half = plan.PartCount / 2;
        clock.Restart();
        IActorRef first = await SubmitAsync(node, recipe, plan);
        JobProgress driven = await DriveAsync(first, plan, half);
        double driveSeconds = clock.Elapsed.TotalSeconds;
        Assert.Equal((plan.PartCount, "running"), (driven.Total, driven.State));
        await first.GracefulStop(TimeSpan.FromSeconds(20));

        clock.Restart();
        IActorRef second = Start(node);
        JobProgress recovered = await second.Ask<JobProgress>(new WatchJob { Job = Job }, TimeSpan.FromMinutes(2));
        double recoverySeconds = clock.Elapsed.TotalSeconds;
        long held = GC.GetTotalMemory(forceFullCollection: true) - before;

        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{plan.PartCount} parts; planned in {planSeconds:0.0} s (whole process {wholeSeconds:0.0} s); {half} parts committed in {driveSeconds:0.0} s by {database!.Query($"select count(*) from journal where persistence_id = 'job-{Job}'")} events; recovered in {recoverySeconds:0.00} s; {held >> 20} MiB held, the plan included; news of {recovered.CalculateSize()} bytes"));
        Assert.Equal(driven.Committed, recovered.Committed);
        Assert.True(recovered.Committed >= half);
        Assert.True(held < 300L << 20, $"{held} bytes");
        Assert.True(planSeconds < 20 && recoverySeconds < 20, $"{planSeconds} {recoverySeconds}");
        GC.KeepAlive(plan);
        GC.KeepAlive(second);
    }

    private async Task<Node> StartNodeAsync()
    {
        string connection = string.Create(CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={database!.Port};Username=expo;Database=jobs");
        ClusterDatabase tables = await ClusterDatabase.OpenAsync(connection, _ => { }, CancellationToken.None);
        await tables.DisposeAsync();

        return await Node.StartAloneAsync(
            new NodeSettings
            {
                Roles = [NodeSettings.CoordinatorRole],
                Journal = JournalSettings.PostgreSql(connection),
                Coordinators = Settings,
                Worker = new WorkerSettings { Lanes = 1 },
            },
            new PlanStore());
    }

    private static CoordinatorSettings Settings => new() { Version = "test" };

    private static IActorRef Start(Node node) => node.System.ActorOf(Coordinator.PropsFor(
        Job, node.System.ActorOf(Props.Create(() => new SilentWriters())), new PlanStore(), Settings, TimeProvider.System));

    private async Task<IActorRef> SubmitAsync(Node node, Recipe recipe, Plan plan)
    {
        IActorRef coordinator = Start(node);
        var submission = new SubmitJob
        {
            Job = Job, RecipeJson = recipe.ToCanonicalJson(), Output = OutputPaths.Of(place.Output).Root, PlanDigest = plan.Digest, NumericsVersion = plan.NumericsVersion,
        };
        submission.Files.AddRange(plan.Files.Select(file => new PlannedFileFact { Name = file.Name, ByteLength = file.ByteLength }));
        Assert.True(submission.CalculateSize() < 128_000);
        await coordinator.Ask<JobAccepted>(submission, TimeSpan.FromSeconds(20));
        return coordinator;
    }

    // A worker and writers that compute nothing, eight parts at a time.
    private static async Task<JobProgress> DriveAsync(IActorRef coordinator, Plan plan, int count)
    {
        for (int file = 0; file < plan.Files.Length; file++)
        {
            await coordinator.Ask<StagingAcknowledged>(new StagingReported { Job = Job, File = file, Generation = 1 }, TimeSpan.FromSeconds(20));
        }

        int committed = 0;
        while (committed < count)
        {
            object answer = await coordinator.Ask(new RequestParts { Job = Job, Worker = "nobody", Count = 8 }, TimeSpan.FromSeconds(20));
            foreach (PartsReported report in MadeUpParts.Report(plan, Assert.IsType<AssignParts>(answer)))
            {
                await coordinator.Ask<PartsAcknowledged>(report, TimeSpan.FromSeconds(20));
                committed += report.Parts.Count;
            }
        }

        return await coordinator.Ask<JobProgress>(new WatchJob { Job = Job }, TimeSpan.FromSeconds(20));
    }
}
