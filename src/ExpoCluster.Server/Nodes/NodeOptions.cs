using System.Collections.Immutable;
using ExpoCluster.Cluster.Certificates;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Core.Parts;
using ExpoCluster.Server.Access;

namespace ExpoCluster.Server.Nodes;

/// <summary>What a node was told to be, checked: by the command line, or by variables <c>EXPOCLUSTER_…</c>.</summary>
public sealed record NodeOptions
{
    /// <summary>Below the first storage root: where the Hub's own tools have it below a home directory.</summary>
    public const string DefaultHubCache = ".cache/huggingface/hub";

    public ImmutableArray<string> Roles { get; init; } = NodeSettings.AllRoles;

    /// <summary>The name or address under which other nodes reach this one.</summary>
    public string Hostname { get; init; } = "127.0.0.1";

    /// <summary>Of remoting; 0 takes any free one.</summary>
    public int Port { get; init; } = 4053;

    /// <summary>As <c>akka.ssl.tcp://expocluster@HOST:PORT</c>; empty to find the others in the database.</summary>
    public ImmutableArray<string> Seeds { get; init; } = [];

    /// <summary>Where HTTP is served: everything with the role web, else the node's health and metrics; null for nowhere.</summary>
    public Uri? Http { get; init; }

    public required NodeDatabase Database { get; init; }

    /// <summary>Real paths of the directories below which this node may touch files.</summary>
    public required ImmutableArray<string> StorageRoots { get; init; }

    /// <summary>Where models of the Hub are kept, below a storage root, for all nodes share it; null for the usual place in the first.</summary>
    public string? HubCache { get; init; }

    /// <summary>Where models of the Hub are kept.</summary>
    public string HubCacheDirectory => HubCache ?? Path.Join(StorageRoots[0], DefaultHubCache);

    public int Lanes { get; init; } = Environment.ProcessorCount;

    /// <summary>Output bytes per second of this node; null for no limit.</summary>
    public long? MaxBytesPerSecond { get; init; }

    /// <summary>How inputs are read.</summary>
    public ReadMode Reads { get; init; } = ReadMode.Automatic;

    /// <summary>The file with the tokens of which clients must show one; null to ask for none.</summary>
    public string? TokenFile { get; init; }

    /// <summary>Whose tokens clients must show instead; null for nobody's.</summary>
    public OidcAuthority? Oidc { get; init; }

    /// <summary>Clients are asked who they are.</summary>
    public bool AsksForTokens => TokenFile is not null || Oidc is not null;

    /// <summary>With it nodes know each other, and HTTPS can be served; null for HTTP, and a certificate that the node makes itself.</summary>
    public NodeCertificate? Certificate { get; init; }

    /// <summary>Jobs that ended so long ago are forgotten; null to keep all.</summary>
    public TimeSpan? KeepJobs { get; init; }

    public LogFormat LogFormat { get; init; }

    /// <summary>What was chosen that whoever starts this node should know of.</summary>
    public ImmutableArray<string> Warnings { get; init; } = [];

    /// <summary>Of this program.</summary>
    public required string Version { get; init; }

    public bool Has(string role) => Roles.Contains(role);
}
