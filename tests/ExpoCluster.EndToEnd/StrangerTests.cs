using System.Globalization;
using System.Runtime.Versioning;

namespace ExpoCluster.EndToEnd;

/// <summary>Another user of this machine, who finds what listens there and sends it all that can be sent.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class StrangerTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Workplace place = new("48MB");
    private readonly PostgresServer? database = PostgresServer.Missing is null ? new PostgresServer() : null;

    public void Dispose()
    {
        database?.Dispose();
        place.Dispose();
    }

    [FactNeeding("runuser", Needs.Root)]
    public void An_embedded_merge_listens_nowhere()
    {
        using ExpoProcess merge = ExpoProcess.Start(place.Merge("--max-rate", "8MB"));
        WaitForWords(merge, "running");

        Assert.Empty(Listening.PortsOf(merge.Id));

        Assert.Equal(0, merge.Wait().ExitCode);
    }

    [FactNeeding("runuser", Needs.Root)]
    public void A_node_that_is_alone_listens_for_HTTP_and_nothing_else()
    {
        int http = PostgresServer.FreePort();
        using ExpoProcess node = ExpoProcess.Start(
            "node", "--database", "sqlite:" + place.PathOf("node.db"), "--storage-root", place.Root, "--http", $"http://127.0.0.1:{http}");
        WaitForWords(node, "serving");

        Assert.Equal([http], Listening.PortsOf(node.Id));
    }

    [LongFact("runuser", Needs.Root, Needs.Postgres)]
    public void Nodes_that_were_given_no_certificates_make_their_own_and_let_no_stranger_do_anything()
    {
        using var nodes = new NodeProcesses(database!, place.Root);
        string server = $"http://127.0.0.1:{PostgresServer.FreePort()}";
        int[] ports = [PostgresServer.FreePort(), PostgresServer.FreePort(), PostgresServer.FreePort()];
        string program = CopyOfStranger();
        ExpoProcess[] kinds =
        [
            nodes.Start("coordinator", ports[0]), nodes.Start("worker", ports[1], "--max-rate", "1MB"), nodes.Start("web", ports[2], "--http", server),
        ];
        NodeProcesses.WaitForMembers(kinds);
        using ExpoProcess merge = ExpoProcess.Start(place.Merge("--server", server));
        WaitForWords(merge, "running");

        using ExpoProcess plain = StartStranger(program, "plain", ports);
        using ExpoProcess tls = StartStranger(program, "tls", ports);

        Assert.Matches("^sent [1-9][0-9]{4,} answered 0 joined False", plain.Wait(Patience).Output);
        Assert.Matches("^sent [1-9][0-9]{4,} answered 0 joined False", tls.Wait(Patience).Output);
        Assert.False(merge.HasExited, "the strangers spoke while the job ran\n" + merge.Errors);
        RunResult merged = merge.Wait();
        Assert.True(merged.ExitCode == 0, merged + nodes.Logs);
        Assert.Equal(0, ExpoProcess.Run("verify", place.Output).ExitCode);
        Assert.All(kinds, node => Assert.False(node.HasExited, node.Errors));
        Assert.False(Path.Exists("/tmp/stranger"));
        Assert.Single(Directory.EnumerateFileSystemEntries(place.Root, "out*"));
    }

    [FactNeeding(Needs.Postgres)]
    public void The_certificate_that_a_node_makes_is_for_its_user_alone_and_for_all_nodes_of_that_user()
    {
        string own = place.PathOf("own");
        var environment = new Dictionary<string, string> { ["XDG_DATA_HOME"] = own };
        string[] Node(string roles) =>
            ["node", "--roles", roles, "--port", "0", "--storage-root", place.Root, "--database", database!.Url];
        using ExpoProcess first = ExpoProcess.Start(environment, Node("coordinator"));
        NodeProcesses.WaitForMembers(first);
        string made = File.ReadAllText(Path.Join(own, "expocluster", "credentials", "node.crt"));

        using ExpoProcess second = ExpoProcess.Start(environment, Node("worker"));
        using ExpoProcess ofSomebodyElse = ExpoProcess.Start(new Dictionary<string, string> { ["XDG_DATA_HOME"] = place.PathOf("else") }, Node("worker"));

        NodeProcesses.WaitForMembers(second);
        RunResult refused = ofSomebodyElse.Wait();
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("error EXPO5034", refused.Errors, StringComparison.Ordinal);
        Assert.Equal(made, File.ReadAllText(Path.Join(own, "expocluster", "credentials", "node.crt")));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.Join(own, "expocluster", "credentials")));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Join(own, "expocluster", "credentials", "node.key")));
    }

    [FactNeeding(Needs.Postgres)]
    public void A_node_does_not_trust_certificates_that_others_could_have_put_there()
    {
        string credentials = Path.Join(place.PathOf("own"), "expocluster", "credentials");
        Directory.CreateDirectory(credentials);
        File.SetUnixFileMode(credentials, (UnixFileMode)0x1ff);

        RunResult refused = ExpoProcess.Run(
            new Dictionary<string, string> { ["XDG_DATA_HOME"] = place.PathOf("own") },
            "node", "--roles", "coordinator", "--port", "0", "--storage-root", place.Root, "--database", database!.Url);

        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("error EXPO5036", refused.Errors, StringComparison.Ordinal);
        Assert.Contains("can be entered by others (mode 777)", refused.Errors, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(credentials));
    }

    // The stranger can read nothing of this test's, so his program is copied to where he can.
    private string CopyOfStranger()
    {
        string folder = place.PathOf("stranger");
        Directory.CreateDirectory(folder);
        foreach (string file in Directory.EnumerateFiles(ExpoProcess.FolderOf("ExpoCluster.Stranger")))
        {
            File.Copy(file, Path.Join(folder, Path.GetFileName(file)));
        }

        File.SetUnixFileMode(place.Root, File.GetUnixFileMode(place.Root) | UnixFileMode.OtherExecute);
        return Path.Join(folder, "ExpoCluster.Stranger.dll");
    }

    private static ExpoProcess StartStranger(string program, string transport, int[] ports) => ExpoProcess.StartOther(
        "runuser",
        new Dictionary<string, string> { ["DOTNET_CLI_HOME"] = "/tmp" },
        ["-u", "nobody", "--", "dotnet", program, transport, .. ports.Select(port => port.ToString(CultureInfo.InvariantCulture))]);

    private static void WaitForWords(ExpoProcess process, string words) => NodeProcesses.WaitFor(process, words);
}
