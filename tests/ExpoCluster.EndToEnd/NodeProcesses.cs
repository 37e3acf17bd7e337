using System.Diagnostics;
using System.Globalization;

namespace ExpoCluster.EndToEnd;

/// <summary>Nodes of one cluster, each a process on loopback with an address that it keeps when it is started again.</summary>
public sealed class NodeProcesses(PostgresServer database, string storageRoot) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly List<ExpoProcess> all = [];

    /// <summary>Starts a node and does not wait for it.</summary>
    public ExpoProcess Start(string roles, int port = 0, params string[] more) => Include(ExpoProcess.Start(Arguments(roles, port, more)));

    /// <summary>Starts a node under another program, for example strace, and does not wait for it.</summary>
    public ExpoProcess StartUnder(string[] other, string roles, int port = 0, params string[] more) => Include(
        ExpoProcess.StartOther(other[0], new Dictionary<string, string>(), [.. other[1..], ExpoProcess.ProgramPath, .. Arguments(roles, port, more)]));

    /// <summary>Waits until each of them says that it is a member.</summary>
    public static void WaitForMembers(params ExpoProcess[] nodes)
    {
        foreach (ExpoProcess node in nodes)
        {
            WaitFor(node, "member of the cluster as");
        }
    }

    public static void WaitFor(ExpoProcess node, string words)
    {
        for (var clock = Stopwatch.StartNew(); !node.Errors.Contains(words, StringComparison.Ordinal); Thread.Sleep(50))
        {
            Assert.True(clock.Elapsed < Patience && !node.HasExited, $"waiting for '{words}':\n{node.Errors}");
        }
    }

    /// <summary>What all nodes have said, for the message of a failed assertion.</summary>
    public string Logs => string.Join("\n---\n", All.Select(node => node.Errors));

    private ExpoProcess[] All
    {
        get
        {
            lock (all)
            {
                return [.. all];
            }
        }
    }

    /// <summary>Ends all of them. With EXPO_NODE_LOGS=DIR what they said is kept there.</summary>
    public void Dispose()
    {
        Array.ForEach(All, node => node.Dispose());
        if (Environment.GetEnvironmentVariable("EXPO_NODE_LOGS") is { Length: > 0 } directory)
        {
            File.WriteAllText(Path.Join(directory, Path.GetFileName(storageRoot) + ".log"), Logs);
        }
    }

    private string[] Arguments(string roles, int port, string[] more) =>
    [
        "node", "--roles", roles, "--port", port.ToString(CultureInfo.InvariantCulture), "--storage-root", storageRoot, "--lanes", "1",
        .. more.Contains("--database") ? Array.Empty<string>() : ["--database", database.Url], .. more,
    ];

    private ExpoProcess Include(ExpoProcess node)
    {
        lock (all)
        {
            all.Add(node);
        }

        return node;
    }
}
