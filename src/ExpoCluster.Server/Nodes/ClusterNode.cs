using ExpoCluster.Cluster.Coordination;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Work;
using ExpoCluster.Core.Planning;
using Npgsql;

namespace ExpoCluster.Server.Nodes;

/// <summary>One node of a cluster in this process: its actors and, by role, what it serves over HTTP.</summary>
public sealed class ClusterNode : IAsyncDisposable
{
    private NodeWeb? web;

    private ClusterNode(NodeOptions options, Node node, PlanStore plans, NpgsqlDataSource? database)
    {
        Options = options;
        Node = node;
        Plans = plans;
        Database = database;
    }

    public NodeOptions Options { get; }

    /// <summary>The actors; its regions lead to every coordinator and writer of the cluster.</summary>
    public Node Node { get; }

    /// <summary>Where a plan is saved before its job is submitted.</summary>
    public PlanStore Plans { get; }

    /// <summary>The cluster's PostgreSQL; null for a node alone with SQLite.</summary>
    public NpgsqlDataSource? Database { get; }

    /// <summary>Where HTTP is served, with the port that was taken; null without the role.</summary>
    public Uri? Http => web?.Address;

    public static async Task<ClusterNode> StartAsync(NodeOptions options)
    {
        NpgsqlDataSource? database = options.Database is NodeDatabase.PostgreSql server ? NpgsqlDataSource.Create(server.ConnectionString) : null;
        var plans = new PlanStore();
        Node node = await Node.StartAloneAsync(SettingsOf(options), plans).ConfigureAwait(false);
        var started = new ClusterNode(options, node, plans, database);
        if (options.Http is { } address)
        {
            started.web = await NodeWeb.StartAsync(started, address).ConfigureAwait(false);
        }

        return started;
    }

    public async ValueTask DisposeAsync()
    {
        if (web is not null)
        {
            await web.DisposeAsync().ConfigureAwait(false);
        }

        await Node.DisposeAsync().ConfigureAwait(false);
        if (Database is not null)
        {
            await Database.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static NodeSettings SettingsOf(NodeOptions options) => new()
    {
        Hostname = options.Hostname,
        Port = options.Port,
        Roles = options.Roles,
        Seeds = options.Seeds,
        Journal = options.Database switch
        {
            NodeDatabase.PostgreSql server => JournalSettings.PostgreSql(server.ConnectionString),
            NodeDatabase.Sqlite file => JournalSettings.Sqlite(file.Path, isLocal: true),
            _ => throw new InvalidOperationException($"No journal for {options.Database.GetType().Name}."),
        },
        Coordinators = new CoordinatorSettings { Version = options.Version },
        Worker = new WorkerSettings { Lanes = options.Lanes, MaxBytesPerSecond = options.MaxBytesPerSecond },
    };
}
