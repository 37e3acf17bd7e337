using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Cluster.Certificates;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Server.Access;

namespace ExpoCluster.Server.Nodes;

/// <summary>Makes options from what was written, and finds all that is wrong with it at once.</summary>
/// <param name="written">The text given for an option such as <c>--roles</c>; null where none was.</param>
public sealed class NodeOptionsReader(Func<string, string?> written)
{
    public const string WrongRoles = "EXPO5001";
    public const string WrongAddress = "EXPO5002";
    public const string WrongSeed = "EXPO5003";
    public const string WrongHttp = "EXPO5004";
    public const string WrongDatabase = "EXPO5005";
    public const string WrongStorageRoot = "EXPO5006";
    public const string WrongNumber = "EXPO5007";
    public const string WrongAuthentication = "EXPO5008";
    public const string NotLoopback = "EXPO5009";
    public const string WrongHubCache = "EXPO5018";
    public const string WrongLogFormat = "EXPO5019";

    private const int MaxLanes = 256;
    private const long MinBytesPerSecond = 64 << 10;
    private static readonly TimeSpan ExpiryWarning = TimeSpan.FromDays(30);

    private static readonly string[] TlsOptions = ["--tls-cert", "--tls-key", "--tls-ca"];

    private const string DefaultHttp = "http://127.0.0.1:8080";

    private readonly ImmutableArray<RecipeProblem>.Builder problems = ImmutableArray.CreateBuilder<RecipeProblem>();
    private readonly ImmutableArray<string>.Builder warnings = ImmutableArray.CreateBuilder<string>();

    /// <exception cref="UsageException">With every problem.</exception>
    public NodeOptions Read(string version)
    {
        ImmutableArray<string> roles = ReadRoles();
        string hostname = ReadHostname();
        NodeAuthentication authentication = ReadAuthentication();
        NodeCertificate? certificate = ReadCertificate();
        Uri? http = ReadHttp(roles);
        CheckHostname(hostname, authentication);
        CheckHttp(http, authentication);
        ImmutableArray<string> seeds = ReadSeeds();
        ImmutableArray<string> roots = ReadStorageRoots();
        var options = new NodeOptions
        {
            Roles = roles,
            Hostname = hostname,
            Port = ReadNumber("--port", 0, 65535, 4053, WrongAddress),
            Seeds = seeds,
            Http = http,
            Certificate = certificate,
            Database = ReadDatabase(roles, seeds),
            StorageRoots = roots,
            HubCache = ReadHubCache(roots),
            Lanes = ReadNumber("--lanes", 1, MaxLanes, Math.Min(Environment.ProcessorCount, MaxLanes), WrongNumber),
            MaxBytesPerSecond = ReadRate(),
            Reads = ReadReads(),
            TokenFile = authentication.TokenFile,
            KeepJobs = ReadKeepJobs(),
            Oidc = authentication.Oidc,
            LogFormat = ReadLogFormat(),
            Warnings = warnings.ToImmutable(),
            Version = version,
        };
        return problems.Count == 0 ? options : throw new UsageException(problems.ToImmutable());
    }

    private ImmutableArray<string> ReadRoles()
    {
        ImmutableArray<string> roles = written("--roles") is { } text ? Split(text) : NodeSettings.AllRoles;
        foreach (string role in roles.Where(role => !NodeSettings.AllRoles.Contains(role)))
        {
            Add(WrongRoles, "--roles", $"there is no role '{role}'.", $"choose from {string.Join(", ", NodeSettings.AllRoles)}.");
        }

        if (roles.IsEmpty)
        {
            Add(WrongRoles, "--roles", "a node without roles has nothing to do.", $"choose from {string.Join(", ", NodeSettings.AllRoles)}.");
        }

        return roles;
    }

    private ImmutableArray<string> ReadSeeds()
    {
        ImmutableArray<string> seeds = Split(written("--seed") ?? "");
        string? AddressOf(string seed) => NodeAddress.OfSeed(seed, takesFormer: !IsTls);
        foreach (string seed in seeds.Where(seed => AddressOf(seed) is null))
        {
            Add(WrongSeed, "--seed", $"'{seed}' is no address of a node.", $"write it as {NodeAddress.Scheme}://{Node.SystemName}@HOST:PORT.");
        }

        return [.. seeds.Select(AddressOf).OfType<string>()];
    }

    private string ReadHostname()
    {
        string hostname = written("--hostname") ?? "127.0.0.1";
        if (hostname != NodeAddress.Automatic)
        {
            return hostname;
        }

        if (NodeAddress.OfThisMachine() is { } own)
        {
            return own;
        }

        Add(WrongAddress, "--hostname", $"'{hostname}' finds no address, for this machine's name leads to none that others reach.", "give the name or address under which the other nodes reach this node.");
        return "127.0.0.1";
    }

    // Where there is nothing to say but how the node is, nobody has to be told that it is said.
    private Uri? ReadHttp(ImmutableArray<string> roles)
    {
        string? text = written("--http") ?? (roles.Contains(NodeSettings.WebRole) ? DefaultHttp : null);
        if (text is null)
        {
            return null;
        }

        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? address) || address.Scheme is not ("http" or "https") || address.PathAndQuery != "/")
        {
            Add(WrongHttp, "--http", $"'{text}' is no address to serve HTTP at.", $"write it as http://HOST:PORT, for example {DefaultHttp}.");
            return null;
        }

        if (address.Scheme == Uri.UriSchemeHttps && !IsTls)
        {
            Add(WrongHttp, "--http", $"{address} needs a certificate.", "add --tls-cert, --tls-key and --tls-ca.");
        }

        return address;
    }

    // Such a node has no remoting, whatever its name.
    private bool IsAlone => written("--database") is { } text && NodeDatabase.Parse(text, out _) is NodeDatabase.Sqlite;

    private bool IsTls => TlsOptions.Any(option => written(option) is not null);

    private NodeCertificate? ReadCertificate()
    {
        if (!IsTls)
        {
            return null;
        }

        string[] missing = [.. TlsOptions.Where(option => written(option) is null)];
        if (missing.Length > 0)
        {
            Add(NodeCertificate.Unreadable, string.Join(", ", missing), "a certificate needs its key and its authority.", "give --tls-cert, --tls-key and --tls-ca, or none of them.");
            return null;
        }

        try
        {
            DateTimeOffset now = TimeProvider.System.GetUtcNow();
            NodeCertificate certificate = NodeCertificate.Read(written("--tls-cert")!, written("--tls-key")!, written("--tls-ca")!, now);
            DateTime end = certificate.Own.NotAfter.ToUniversalTime();
            if (end - now.UtcDateTime < ExpiryWarning)
            {
                warnings.Add(string.Create(CultureInfo.InvariantCulture, $"the certificate {written("--tls-cert")} expires on {end:yyyy-MM-dd}: replace it before."));
            }

            return certificate;
        }
        catch (UsageException exception)
        {
            problems.AddRange(exception.Problems);
            return null;
        }
    }

    private NodeDatabase ReadDatabase(ImmutableArray<string> roles, ImmutableArray<string> seeds)
    {
        if (written("--database") is not { } text)
        {
            Add(WrongDatabase, "--database", "no database is given.", "add --database postgres://USER:PASSWORD@HOST/NAME, or sqlite:FILE for a single node.");
            return new NodeDatabase.Sqlite("");
        }

        NodeDatabase? database = NodeDatabase.Parse(text, out string why);
        if (database is null)
        {
            Add(WrongDatabase, "--database", why, "write postgres://USER:PASSWORD@HOST/NAME, Host=…;Database=…;Username=…, or sqlite:FILE.");
        }
        else if (database is NodeDatabase.Sqlite && (!seeds.IsEmpty || !roles.Contains(NodeSettings.CoordinatorRole)))
        {
            Add(WrongDatabase, "--database", "SQLite is for a single node, which has all roles and no seeds.", "use PostgreSQL for several nodes.");
        }

        return database ?? new NodeDatabase.Sqlite("");
    }

    private ImmutableArray<string> ReadStorageRoots()
    {
        ImmutableArray<string> roots = Split(written("--storage-root") ?? "");
        if (roots.IsEmpty)
        {
            Add(WrongStorageRoot, "--storage-root", "no storage root is given.", "add --storage-root DIR, where all nodes see the same checkpoints and outputs.");
        }

        foreach (string root in roots.Where(root => !Path.IsPathRooted(root) || !Directory.Exists(root)))
        {
            Add(WrongStorageRoot, "--storage-root", $"'{root}' is no absolute path of a directory on this machine.", "mount it, or correct the path.");
        }

        return problems.Any(problem => problem.Code == WrongStorageRoot) ? roots : [.. roots.Select(RealPath.Of)];
    }

    // What one worker fetches the others read, so it lies where all of them see it.
    private string? ReadHubCache(ImmutableArray<string> roots)
    {
        if (written("--hub-cache") is not { } text)
        {
            return null;
        }

        string? real = Path.IsPathRooted(text) ? RealPath.Of(text) : null;
        if (!roots.IsEmpty && (real is null || !new StorageRoots(roots).Contains(real)))
        {
            Add(WrongHubCache, "--hub-cache", $"'{text}' is no absolute path below a storage root.", $"use a directory below {string.Join(" or ", roots)}, the same on all nodes.");
        }

        return real;
    }

    private NodeAuthentication ReadAuthentication()
    {
        string? text = written("--auth");
        switch (text)
        {
            case null:
                return new NodeAuthentication();
            case "none":
                return new NodeAuthentication { IsWaived = true };
            case ['t', 'o', 'k', 'e', 'n', ':', .. string file] when File.Exists(file) && new FileInfo(file).Length > 0:
                return new NodeAuthentication { TokenFile = file };
            case ['o', 'i', 'd', 'c', ':', .. string words]:
                return new NodeAuthentication { Oidc = ReadAuthority(words) };
            default:
                Add(WrongAuthentication, "--auth", $"'{text}' is neither none, nor oidc:AUTHORITY,AUDIENCE, nor token:FILE with a file that holds a token.", "write the token into a file that only this user may read, and name it.");
                return new NodeAuthentication();
        }
    }

    private OidcAuthority? ReadAuthority(string words)
    {
        OidcAuthority? authority = OidcAuthority.Parse(words, out string why);
        if (authority is null)
        {
            Add(WrongAuthentication, "--auth", why, "write oidc:AUTHORITY,AUDIENCE, for example oidc:https://id.example.org/realms/models,expocluster.");
        }
        else if (authority.Address.Scheme != Uri.UriSchemeHttps && !NodeAddress.IsLoopback(authority.Address.Host))
        {
            Add(WrongAuthentication, "--auth", $"{authority.Address} is not https: whoever is on the way could say which keys are the authority's.", "give its https address.");
        }

        return authority;
    }

    private void CheckHostname(string hostname, NodeAuthentication authentication)
    {
        if (hostname.Length == 0 || Uri.CheckHostName(hostname) == UriHostNameType.Unknown)
        {
            Add(WrongAddress, "--hostname", $"'{hostname}' is no name or address of a machine.", "give the one under which the other nodes reach this node.");
        }
        else if (!IsTls && !IsAlone && !NodeAddress.IsLoopback(hostname))
        {
            string problem = $"other machines reach remoting on {hostname}, but without certificates only this user's nodes on this machine are let in.";
            if (authentication.IsWaived)
            {
                warnings.Add(problem);
            }
            else
            {
                Add(NotLoopback, "--hostname", problem, "give --tls-cert, --tls-key and --tls-ca, as expocluster credentials makes them, or use a loopback address.");
            }
        }
    }

    private void CheckHttp(Uri? http, NodeAuthentication authentication)
    {
        if (http is null || NodeAddress.IsLoopback(http.Host))
        {
            return;
        }

        if (!authentication.AsksForTokens)
        {
            Allow("--http", $"other machines can reach {http}, which asks nobody who they are", authentication.IsWaived, "give --auth token:FILE or oidc:AUTHORITY,AUDIENCE");
        }
        else if (http.Scheme != Uri.UriSchemeHttps)
        {
            warnings.Add($"tokens travel to {http} as they are: give https://… and certificates, unless something in front of this node speaks TLS.");
        }
    }

    private void Allow(string option, string danger, bool isWaived, string protection)
    {
        if (isWaived)
        {
            warnings.Add(danger + ": keep it inside a network that you trust.");
        }
        else
        {
            Add(NotLoopback, option, danger + ".", $"{protection}, use a loopback address, or say --auth none if the network is one that you trust.");
        }
    }

    private int ReadNumber(string option, int least, int most, int otherwise, string code)
    {
        if (written(option) is not { } text)
        {
            return otherwise;
        }

        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most)
        {
            return number;
        }

        Add(code, option, $"'{text}' is no number from {least} to {most}.", "give a number in that range.");
        return otherwise;
    }

    private LogFormat ReadLogFormat()
    {
        switch (written("--log-format"))
        {
            case null or "text":
                return LogFormat.Text;
            case "json":
                return LogFormat.Json;
            case string other:
                Add(WrongLogFormat, "--log-format", $"'{other}' is neither text nor json.", "write text for people, json for programs that gather logs.");
                return LogFormat.Text;
        }
    }

    private TimeSpan? ReadKeepJobs()
    {
        if (written("--keep-jobs") is not { } text || text == "forever")
        {
            return null;
        }

        if (TimeLength.TryParse(text, out TimeSpan length))
        {
            return length;
        }

        Add(WrongNumber, "--keep-jobs", $"'{text}' is no length of time.", "give one such as 90d or 12h, or forever.");
        return null;
    }

    private long? ReadRate()
    {
        if (written("--max-rate") is not { } text)
        {
            return null;
        }

        if (ByteSize.TryParse(text, out long bytes) && bytes >= MinBytesPerSecond)
        {
            return bytes;
        }

        Add(WrongNumber, "--max-rate", $"'{text}' is no size of at least {ByteSize.Format(MinBytesPerSecond)}.", "give a size, for example 500MB.");
        return null;
    }

    private ReadMode ReadReads()
    {
        string word = written("--io") ?? "auto";
        if (ReadModes.Parse(word) is { } mode)
        {
            return mode;
        }

        Add(ReadModes.Unknown, "--io", $"'{word}' is no way to read.", $"choose {ReadModes.Words}.");
        return ReadMode.Automatic;
    }

    private void Add(string code, string option, string message, string advice) =>
        problems.Add(new RecipeProblem(code, option, message, advice));

    private static ImmutableArray<string> Split(string list) =>
        [.. list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];

    /// <summary>How clients are asked who they are.</summary>
    private sealed record NodeAuthentication
    {
        public string? TokenFile { get; init; }

        public OidcAuthority? Oidc { get; init; }

        /// <summary>It was said in so many words that nobody is asked.</summary>
        public bool IsWaived { get; init; }

        public bool AsksForTokens => TokenFile is not null || Oidc is not null;
    }
}
