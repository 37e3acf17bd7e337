using ExpoCluster.Cluster.Certificates;
using ExpoCluster.Cluster.Coordination;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Work;
using ExpoCluster.EndToEnd;

namespace ExpoCluster.Cluster.Tests.Hosting;

/// <summary>What nodes of one authority in this process need; no database is behind them but a file for each one's journal.</summary>
internal sealed class NodesOfTest : IDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("expocluster-");

    public NodesOfTest()
    {
        using var authority = new TestAuthority(directory.FullName, "ours");
        Certificate = authority.CertificateFor("node");
    }

    /// <summary>Which all of them show.</summary>
    public NodeCertificate Certificate { get; }

    public NodeSettings Settings(string name, string role) => new()
    {
        Certificate = Certificate,
        Roles = [role],
        Shared = new SharedSettings("Host=127.0.0.1;Port=1", "of the test"),
        Journal = JournalSettings.Sqlite(Path.Join(directory.FullName, name + ".db"), isLocal: true),
        Coordinators = new CoordinatorSettings { Version = "test" },
        Worker = new WorkerSettings { Lanes = 1 },
    };

    public void Dispose() => directory.Delete(recursive: true);
}
