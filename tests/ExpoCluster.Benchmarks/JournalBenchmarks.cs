using System.Globalization;
using Akka.Actor;
using Akka.Persistence;
using BenchmarkDotNet.Attributes;
using ExpoCluster.Cluster.Coordination;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Work;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;

namespace ExpoCluster.Benchmarks;

/// <summary>One group of committed parts through the whole journal: actor, serializer, Akka.Persistence.Sql, SQLite with a write-ahead log, and back.</summary>
[MemoryDiagnoser]
public class JournalBenchmarks
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private string root = "";
    private Node node = null!;
    private IActorRef journalist = null!;
    private JobEvent.PartsCommitted group = null!;

    /// <summary>In one event; a writer gathers 64 at most.</summary>
    [Params(1, 16, 64)]
    public int Parts { get; set; }

    [GlobalSetup]
    public async Task SetUp()
    {
        root = Directory.CreateTempSubdirectory("expocluster-benchmark-").FullName;
        var settings = new NodeSettings
        {
            Journal = JournalSettings.Sqlite(Path.Join(root, "journal.db"), isLocal: true),
            Coordinators = new CoordinatorSettings { Version = "benchmark" },
            Worker = new WorkerSettings { Lanes = 1 },
            Shards = 1,
        };
        node = await Node.StartAloneAsync(settings, new PlanStore()).ConfigureAwait(false);
        journalist = node.System.ActorOf(Props.Create(() => new Journalist("of-" + Parts.ToString(CultureInfo.InvariantCulture))));
        // As those of a model of large matrices: two tensors touch a part.
        byte[] statistics = PartStatistics.Encode([new TensorSums(0, default), new TensorSums(1, default)]);
        group = new JobEvent.PartsCommitted(
            File: 0, Generation: 1, [.. Enumerable.Range(0, Parts).Select(part => new CommittedPart(part, new byte[PartGrid.BlocksPerPart * BlockDigest.ByteCount], statistics))]);
    }

    [GlobalCleanup]
    public async Task CleanUp()
    {
        await node.DisposeAsync().ConfigureAwait(false);
        Directory.Delete(root, recursive: true);
    }

    [Benchmark]
    public Task<object> Persist() => journalist.Ask<object>(group, Patience);

    private sealed class Journalist : ReceivePersistentActor
    {
        public Journalist(string id)
        {
            PersistenceId = id;
            Command<JobEvent>(wish => Persist(wish, fact => Sender.Tell(fact)));
            Recover<JobEvent>(_ => { });
        }

        public override string PersistenceId { get; }
    }
}
