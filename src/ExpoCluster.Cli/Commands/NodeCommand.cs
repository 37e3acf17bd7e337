using System.CommandLine;
using System.Runtime.InteropServices;
using ExpoCluster.Server.Nodes;

namespace ExpoCluster.Cli.Commands;

/// <summary><c>expocluster node</c>: this process is a node of a cluster until it is told to leave.</summary>
internal static class NodeCommand
{
    private static readonly Option<string?>[] Options =
    [
        RecipeOptions.Text("--roles", "coordinator,worker,web", "What this node does; all of it by default."),
        RecipeOptions.Text("--hostname", "H", "The name under which other nodes reach this one; 127.0.0.1 by default; auto for the address of this machine's own name."),
        RecipeOptions.Text("--port", "P", "Of remoting; 4053 by default, 0 takes any free one."),
        RecipeOptions.Text("--seed", "ADDRESS[,...]", "Nodes to join, as akka.ssl.tcp://expocluster@HOST:PORT; by default nodes find each other in the database."),
        RecipeOptions.Text("--http", "http[s]://H:P", "Where the role web serves HTTP, http://127.0.0.1:8080 by default; other nodes say there how they are."),
        RecipeOptions.Text("--database", "postgres://...|sqlite:FILE", "Where the journal is; SQLite for a single node."),
        RecipeOptions.Text("--storage-root", "DIR[,DIR]", "The directories that this node may touch, the same on all nodes."),
        RecipeOptions.Text("--lanes", "N", "Computing threads; by default one for each core."),
        RecipeOptions.Text("--max-rate", "SIZE", "The most output bytes per second of this node."),
        RecipeOptions.Text("--io", "auto|map|read", "How inputs are read: mapped where memory holds them, past the page cache where not; or one way always."),
        RecipeOptions.Text("--auth", "none|token:FILE|oidc:AUTHORITY,AUDIENCE", "Whose tokens clients must show; without it HTTP stays on loopback addresses."),
        RecipeOptions.Text("--tls-cert", "F", "This node's certificate (PEM); with it remoting speaks TLS, and --http may be https://..."),
        RecipeOptions.Text("--tls-key", "F", "Its private key (PEM)."),
        RecipeOptions.Text("--tls-ca", "F", "The authority (PEM) whose certificates are let in."),
        RecipeOptions.Text("--keep-jobs", "90d|forever", "For how long jobs that have ended are known; forever by default. Their outputs stay."),
        RecipeOptions.Text("--log-format", "text|json", "Lines for people, as by default, or a JSON object a line for programs that gather logs."),
        RecipeOptions.Text("--hub-cache", "DIR", "Where models of the Hub are kept, below a storage root; .cache/huggingface/hub in the first by default."),
    ];

    public static Command Create()
    {
        var command = new Command("node", "Be a node of a cluster. Each option is also an environment variable: --storage-root is EXPOCLUSTER_STORAGE_ROOT.");
        foreach (Option<string?> option in Options)
        {
            command.Options.Add(option);
        }

        command.SetAction((parsed, _) => RunAsync(new NodeOptionsReader(name => Written(parsed, name)).Read(ProgramVersion.Current)));
        return command;
    }

    internal static string VariableOf(string option) => "EXPOCLUSTER_" + option.TrimStart('-').Replace('-', '_').ToUpperInvariant();

    private static string? Written(ParseResult parsed, string name)
    {
        string? given = parsed.GetValue<string?>(name);
        return given ?? EnvironmentVariable.Find(VariableOf(name));
    }

    private static async Task<int> RunAsync(NodeOptions options)
    {
        using var leave = new CancellationTokenSource();
        void OnSignal(PosixSignalContext signal)
        {
            // The second signal is not caught: it ends the process, and the journal keeps what is committed.
            signal.Cancel = !leave.IsCancellationRequested;
            if (signal.Cancel)
            {
                leave.Cancel();
            }
        }

        using PosixSignalRegistration onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        using PosixSignalRegistration onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        try
        {
            await NodeRun.UntilAsync(options, Console.Error.WriteLine, leave.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (leave.IsCancellationRequested)
        {
            // It was told to stop before it had joined.
        }

        return ExitCodes.Done;
    }
}
