using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace ExpoCluster.EndToEnd;

/// <summary>A PostgreSQL of the test's own, in a temporary directory. It refuses to run as root, so root lends it the user postgres.</summary>
public sealed class PostgresServer : IDisposable
{
    private const string Versions = "/usr/lib/postgresql";

    private readonly string directory;
    private readonly string addresses;

    /// <param name="alsoListensOn">Another address of this machine; who comes from its network of 24 bits is let in.</param>
    public PostgresServer(string? alsoListensOn = null)
    {
        addresses = alsoListensOn is null ? "127.0.0.1" : $"127.0.0.1,{alsoListensOn}";
        directory = Directory.CreateTempSubdirectory("expocluster-pg-").FullName;
        Port = FreePort();
        if (IsRoot)
        {
            Run("chown", ["postgres:postgres", directory]);
        }

        RunAsServer("initdb", "-D", Data, "-U", "expo", "--auth=trust", "-E", "UTF8");
        if (alsoListensOn is not null)
        {
            File.AppendAllText(Path.Join(Data, "pg_hba.conf"), $"host all all {alsoListensOn}/24 trust\n");
        }

        Start();
        RunAsServer("createdb", "-h", "127.0.0.1", "-p", Port.ToString(CultureInfo.InvariantCulture), "-U", "expo", "jobs");
    }

    /// <summary>Why there can be none here; null when there can.</summary>
    public static string? Missing => Binaries is null ? "PostgreSQL" : null;

    public int Port { get; }

    /// <summary>For <c>--database</c>.</summary>
    public string Url => $"postgres://expo@127.0.0.1:{Port}/jobs";

    private string Data => Path.Join(directory, "data");

    private static string? Binaries => Directory.Exists(Versions)
        ? Directory.EnumerateDirectories(Versions).OrderDescending().Select(version => Path.Join(version, "bin")).FirstOrDefault(bin => File.Exists(Path.Join(bin, "initdb")))
        : null;

    private static bool IsRoot => Environment.UserName == "root";

    /// <summary>A port that nobody had a moment ago.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public void Start() => RunAsServer(
        "pg_ctl", "-D", Data, "-o", $"-p {Port} -c listen_addresses={addresses} -c unix_socket_directories={directory}", "-l", Path.Join(directory, "log"), "-w", "start");

    /// <summary>At once: connections break, as when its machine dies.</summary>
    public void Stop() => RunAsServer("pg_ctl", "-D", Data, "-m", "immediate", "-w", "stop");

    /// <summary>It answers, and writes nothing: as one does that is a standby, or whose disk is full.</summary>
    public void RefuseWrites() => SetWritable(false);

    public void AcceptWrites() => SetWritable(true);

    /// <summary>The answer, a line a row.</summary>
    public string Query(string sql) => Query("jobs", sql);

    /// <summary>Runs what pg_dump wrote.</summary>
    public void Restore(string path)
    {
        // The user postgres may not look into the tests' directory.
        string copy = Path.Join(directory, Path.GetFileName(path));
        File.Copy(path, copy);
        RunAsServer("psql", "-h", "127.0.0.1", "-p", Port.ToString(CultureInfo.InvariantCulture), "-U", "expo", "-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", "-f", copy, "jobs");
    }

    private string Query(string name, string sql) =>
        RunAsServer("psql", "-h", "127.0.0.1", "-p", Port.ToString(CultureInfo.InvariantCulture), "-U", "expo", "-At", "-c", sql, name).Trim();

    // A connection takes the setting when it is made, so those that are there are broken.
    private void SetWritable(bool isWritable)
    {
        Query("postgres", $"alter database jobs set default_transaction_read_only = {(isWritable ? "off" : "on")}");
        Query("postgres", "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'jobs'");
    }

    public void Dispose()
    {
        try
        {
            Stop();
        }
        catch (InvalidOperationException)
        {
            // It was stopped already.
        }

        Directory.Delete(directory, recursive: true);
    }

    private static string RunAsServer(string program, params string[] arguments)
    {
        string path = Path.Join(Binaries, program);
        return IsRoot
            ? Run("setpriv", ["--reuid=postgres", "--regid=postgres", "--init-groups", path, .. arguments])
            : Run(path, arguments);
    }

    // pg_ctl leaves a server behind that would keep its output open, so that is not read to the end.
    private static string Run(string program, string[] arguments)
    {
        bool leavesServer = arguments[^1] == "start";
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = "/", RedirectStandardOutput = !leavesServer, RedirectStandardError = !leavesServer };
        using Process process = Process.Start(start)!;
        string output = leavesServer ? "" : process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: exit {process.ExitCode}");
    }
}
