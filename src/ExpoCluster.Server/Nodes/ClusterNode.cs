using ExpoCluster.Cluster.Coordination;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Membership;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Cluster.Work;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Storage;
using ExpoCluster.Server.Credentials;
using ExpoCluster.Server.Jobs;
using ExpoCluster.Server.Telemetry;

namespace ExpoCluster.Server.Nodes;

/// <summary>One node of a cluster in this process: its actors and, by role, what it serves over HTTP.</summary>
public sealed class ClusterNode : IAsyncDisposable
{
    private Formation? formation;
    private WebListener? web;
    private NodeMetrics? metrics;
    private JobRetention? retention;

    private ClusterNode(NodeOptions options, Node node, HubSession hub, PlanStore plans, JobRegister register, ClusterDatabase? database)
    {
        Hub = hub;
        Register = register;
        Options = options;
        Node = node;
        Plans = plans;
        Database = database;
        Storage = new StorageRoots(options.StorageRoots);
        StorageSight = new StorageSight(options.StorageRoots);
    }

    public NodeOptions Options { get; }

    /// <summary>The actors; its regions lead to every coordinator and writer of the cluster.</summary>
    public Node Node { get; }

    /// <summary>Where a plan is saved before its job is submitted.</summary>
    public PlanStore Plans { get; }

    /// <summary>What paths of requests may lead to.</summary>
    public StorageRoots Storage { get; }

    /// <summary>The way to models of the Hub, with this process's token, and to the cache that all nodes share.</summary>
    public HubSession Hub { get; }

    /// <summary>The list of all jobs.</summary>
    public JobRegister Register { get; }

    /// <summary>The cluster's PostgreSQL; null for a node alone with SQLite.</summary>
    public ClusterDatabase? Database { get; }

    /// <summary>What is seen of the storage roots now.</summary>
    internal StorageSight StorageSight { get; }

    /// <summary>Who listens to this node's metrics and spans.</summary>
    internal NodeTelemetry Telemetry { get; private set; } = null!;

    /// <summary>Where HTTP is served, with the port that was taken; null without the role.</summary>
    public Uri? Http => web?.Address;

    /// <summary>Returns when this process is a member of the cluster, and serves.</summary>
    /// <param name="options">What the node is.</param>
    /// <param name="say">Told what whoever runs the node should know, such as that it waits for the database.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="ClusterException">It cannot be a node.</exception>
    public static async Task<ClusterNode> StartAsync(NodeOptions options, Action<string> say, CancellationToken cancellation)
    {
        var hub = new HubSession(HubEnvironment.Current() with { CacheDirectory = options.HubCacheDirectory }, TimeProvider.System);
        NodeTelemetry telemetry = NodeTelemetry.Start(options, OtlpVariables.OfThisProcess);
        var starting = new StartingNode();
        HttpEntrance? entrance = null;
        ClusterNode started;
        try
        {
            entrance = options.Http is { } address ? await HttpEntrance.OpenAsync(address, options.Certificate, starting).ConfigureAwait(false) : null;
            started = options.Database is NodeDatabase.PostgreSql server
                ? await JoinAsync(options, server, hub, say, starting, cancellation).ConfigureAwait(false)
                : await StartAloneAsync(options, hub, say).ConfigureAwait(false);
        }
        catch
        {
            if (entrance is not null)
            {
                await entrance.DisposeAsync().ConfigureAwait(false);
            }

            telemetry.Dispose();
            throw;
        }

        started.Telemetry = telemetry;
        try
        {
            started.metrics = telemetry.Metrics is null ? null : new NodeMetrics(started.Node, options, started.StorageSight);
            if (entrance is not null)
            {
                started.web = await NodeWeb.StartAsync(started, entrance).ConfigureAwait(false);
            }

            started.Keep(options.KeepJobs, say);
            return started;
        }
        catch
        {
            await started.LeaveAsync().ConfigureAwait(false);
            await started.DisposeAsync().ConfigureAwait(false);
            if (entrance is not null)
            {
                await entrance.DisposeAsync().ConfigureAwait(false);
            }

            throw;
        }
    }

    /// <summary>Finishes or hands back the parts under way, hands its coordinators and writers over, and leaves.</summary>
    public async Task LeaveAsync()
    {
        await StopServingAsync().ConfigureAwait(false);
        await Node.LeaveAsync().ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await StopServingAsync().ConfigureAwait(false);
        await Node.DisposeAsync().ConfigureAwait(false);
        if (formation is not null)
        {
            await formation.DisposeAsync().ConfigureAwait(false);
        }

        Register.Dispose();
        Hub.Dispose();

        if (Database is not null)
        {
            await Database.DisposeAsync().ConfigureAwait(false);
        }

        // Last, for it sends what all of them did until now.
        Telemetry.Dispose();
        metrics?.Dispose();
    }

    private static async Task<ClusterNode> JoinAsync(
        NodeOptions options, NodeDatabase.PostgreSql server, HubSession hub, Action<string> say, StartingNode starting, CancellationToken cancellation)
    {
        ClusterDatabase database = await ClusterDatabase.OpenAsync(
            server.ConnectionString, say, starting.SeeDatabase, cancellation).ConfigureAwait(false);
        Formation? formation = null;
        try
        {
            await StorageCheck.CheckAsync(database, options.StorageRoots, cancellation).ConfigureAwait(false);
            var plans = new PlanStore();
            JobRegister register = await database.PatientlyAsync(
                now => JobRegister.OpenAsync(JournalOf(options), say, now), cancellation).ConfigureAwait(false);
            NodeSettings settings = SettingsOf(options, hub, database, register) with
            {
                Certificate = options.Certificate ?? OwnCredentials.OfThisUser(TimeProvider.System).Certificate(),
            };
            Node node = await Node.StartAsync(settings, plans, async cluster =>
            {
                if (options.Seeds.IsEmpty)
                {
                    formation = await Formation.JoinAsync(database, cluster, say, cancellation).ConfigureAwait(false);
                }
                else
                {
                    cluster.JoinSeedNodes(options.Seeds.Select(Akka.Actor.Address.Parse));
                    await Formation.WaitUntilUpAsync(cluster, cancellation).ConfigureAwait(false);
                }
            }).ConfigureAwait(false);
            node.System.ActorOf(RemovalRecorder.PropsFor(database), RemovalRecorder.ActorName);
            return new ClusterNode(options, node, hub, plans, register, database) { formation = formation };
        }
        catch
        {
            if (formation is not null)
            {
                await formation.DisposeAsync().ConfigureAwait(false);
            }

            await database.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static async Task<ClusterNode> StartAloneAsync(NodeOptions options, HubSession hub, Action<string> say)
    {
        var plans = new PlanStore();
        JobRegister register = await JobRegister.OpenAsync(JournalOf(options), say).ConfigureAwait(false);
        Node node = await Node.StartAloneAsync(SettingsOf(options, hub, database: null, register), plans).ConfigureAwait(false);
        return new ClusterNode(options, node, hub, plans, register, database: null);
    }

    private void Keep(TimeSpan? keep, Action<string> say)
    {
        if (keep is { } length)
        {
            var desk = new JobDesk(Node, Register, new LiveJobs(Node, TimeProvider.System), new PublishedStatistics());
            retention = new JobRetention(
                new JobPruning(Register, desk.CancelForGoodAsync, TimeProvider.System), length, () => IsFirstCoordinator(Node.Cluster), say, TimeProvider.System);
            retention.Start();
        }
    }

    private static bool IsFirstCoordinator(Akka.Cluster.Cluster cluster) =>
        cluster.State.RoleLeader(NodeSettings.CoordinatorRole) is { } first && first.Equals(cluster.SelfAddress);

    private async Task StopServingAsync()
    {
        if (retention is { } keeping)
        {
            retention = null;
            await keeping.DisposeAsync().ConfigureAwait(false);
        }

        if (web is { } serving)
        {
            web = null;
            await serving.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static JournalSettings JournalOf(NodeOptions options) => options.Database switch
    {
        NodeDatabase.PostgreSql server => JournalSettings.PostgreSql(server.ConnectionString),
        NodeDatabase.Sqlite file => JournalSettings.Sqlite(file.Path, isLocal: !FileSystemFacts.Of(file.Path).IsNetwork),
        _ => throw new InvalidOperationException($"No journal for {options.Database.GetType().Name}."),
    };

    private static NodeSettings SettingsOf(NodeOptions options, HubSession hub, ClusterDatabase? database, JobRegister register) => new()
    {
        Hostname = options.Hostname,
        Port = options.Port,
        Roles = options.Roles,
        Journal = JournalOf(options),
        Shared = database is null ? null : new SharedSettings(
            database.ConnectionString,
            $"database={database.Identity} storage={string.Join(',', options.StorageRoots.Order(StringComparer.Ordinal))} hub={options.HubCacheDirectory}"),
        Coordinators = new CoordinatorSettings
        {
            Admission = new OutputAdmission(database is null ? null : new OutputRows(database.Source)),
            Register = register,
            HubCache = hub.Cache,
            StorageRoots = new StorageRoots(options.StorageRoots),
            IsAlone = database is null,
            Version = options.Version,
        },
        Worker = new WorkerSettings { Lanes = options.Lanes, MaxBytesPerSecond = options.MaxBytesPerSecond, Reads = options.Reads, Hub = hub },
        LogLevel = "INFO",
        LoggerType = NameOf(options.LogFormat == LogFormat.Json ? typeof(JsonLog) : typeof(TextLog)),
    };

    private static string NameOf(Type type) => $"{type.FullName}, {type.Assembly.GetName().Name}";
}
