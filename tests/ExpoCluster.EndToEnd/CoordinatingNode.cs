using Akka.Actor;
using Akka.Cluster.Sharding;
using ExpoCluster.Cluster.Coordination;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Membership;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Cluster.Work;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Server.Credentials;
using ExpoCluster.Server.Nodes;

namespace ExpoCluster.EndToEnd;

/// <summary>A node of the cluster in the test's own process where coordinators live. Nobody writes or computes: the test says what workers and writers would say.</summary>
public sealed class CoordinatingNode : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ClusterDatabase database;
    private readonly JobRegister register;
    private readonly PlanStore plans = new();
    private Node node = null!;
    private Formation formation = null!;

    private CoordinatingNode(ClusterDatabase database, JobRegister register)
    {
        this.database = database;
        this.register = register;
    }

    public static async Task<CoordinatingNode> JoinAsync(PostgresServer server, string storageRoot)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        var options = new NodeOptions { Database = NodeDatabase.Parse(server.Url, out _)!, StorageRoots = [RealPath.Of(storageRoot)], Version = "test" };
        string connection = ((NodeDatabase.PostgreSql)options.Database).ConnectionString;
        ClusterDatabase database = await ClusterDatabase.OpenAsync(connection, _ => { }, patience.Token);
        var journal = JournalSettings.PostgreSql(connection);
        var started = new CoordinatingNode(database, await JobRegister.OpenAsync(journal, cancellation: patience.Token));
        var settings = new NodeSettings
        {
            Roles = [NodeSettings.CoordinatorRole],
            Certificate = OwnCredentials.OfThisUser(TimeProvider.System).Certificate(),
            Journal = journal,
            // What a node of the program says of itself: others are not let in.
            Shared = new SharedSettings(connection, $"database={database.Identity} storage={options.StorageRoots[0]} hub={options.HubCacheDirectory}"),
            Coordinators = new CoordinatorSettings { Version = options.Version, Register = started.register },
            Worker = new WorkerSettings { Lanes = 1 },
        };
        started.node = await Node.StartAsync(settings, started.plans, async cluster =>
        {
            started.formation = await Formation.JoinAsync(database, cluster, _ => { }, patience.Token);
            // Before the node starts its own: who is first stays.
            await ClusterSharding.Get(cluster.System).StartAsync(
                Addressing.Writers,
                _ => Props.Create(() => new SilentWriters()),
                ClusterShardingSettings.Create(cluster.System).WithRole(NodeSettings.CoordinatorRole),
                Addressing.WriterExtractor(settings.Shards));
        });
        return started;
    }

    /// <summary>Submits a job whose files are all there, so that parts can be had of it.</summary>
    public async Task SubmitAsync(string job, Recipe recipe, Plan plan, string output)
    {
        OutputPaths paths = OutputPaths.Of(output);
        Directory.CreateDirectory(paths.Workspace);
        plans.Save(paths.Plan(job), plan);
        var submission = new SubmitJob
        {
            Job = job, RecipeJson = recipe.ToCanonicalJson(), Output = paths.Root, PlanDigest = plan.Digest, NumericsVersion = plan.NumericsVersion,
        };
        submission.Files.AddRange(plan.Files.Select(file => new PlannedFileFact { Name = file.Name, ByteLength = file.ByteLength }));
        await AskAsync<JobAccepted>(submission);
        for (int file = 0; file < plan.Files.Length; file++)
        {
            await AskAsync<StagingAcknowledged>(new StagingReported { Job = job, File = file, Generation = 1 });
        }
    }

    /// <summary>Reports up to so many parts as computed, and returns how many were committed.</summary>
    public async Task<int> CommitAsync(string job, Plan plan, int count)
    {
        if (await AskAsync<object>(new RequestParts { Job = job, Worker = "nobody", Count = count }) is not AssignParts assigned)
        {
            return 0;
        }

        await Task.WhenAll(MadeUpParts.Report(plan, assigned).Select(report => AskAsync<PartsAcknowledged>(report)));
        return assigned.Parts.Count;
    }

    public Task<JobProgress> LookAsync(string job) => AskAsync<JobProgress>(new WatchJob { Job = job });

    public async ValueTask DisposeAsync()
    {
        await node.DisposeAsync();
        await formation.DisposeAsync();
        register.Dispose();
        await database.DisposeAsync();
    }

    private Task<T> AskAsync<T>(ICoordinatorMessage message) => node.Coordinators.Ask<T>(message, Patience);
}
