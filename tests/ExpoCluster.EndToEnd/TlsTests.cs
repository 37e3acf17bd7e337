using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace ExpoCluster.EndToEnd;

/// <summary>Who may join a cluster whose nodes have certificates, and who may not.</summary>
public sealed class TlsTests : IDisposable
{
    private readonly Workplace place = new();
    private readonly PostgresServer? database = PostgresServer.Missing is null ? new PostgresServer() : null;
    private readonly TestAuthority ours;
    private readonly NodeProcesses nodes;

    public TlsTests()
    {
        ours = new TestAuthority(place.Root, "ours");
        nodes = new NodeProcesses(database!, place.Root);
    }

    public void Dispose()
    {
        nodes.Dispose();
        ours.Dispose();
        database?.Dispose();
        place.Dispose();
    }

    [FactNeeding(Needs.Postgres)]
    public void A_cluster_with_the_credentials_that_the_program_makes_merges_over_HTTPS_only()
    {
        string credentials = place.PathOf("credentials");
        Assert.Equal(0, ExpoProcess.Run("credentials", credentials).ExitCode);
        Assert.Equal(0, ExpoProcess.Run("sample", place.Root, "--size", "16MB").ExitCode);
        string server = $"https://127.0.0.1:{PostgresServer.FreePort()}";
        string In(string name) => Path.Join(credentials, name);
        string[] tls = ["--tls-cert", In("node.crt"), "--tls-key", In("node.key"), "--tls-ca", In("ca.crt")];
        NodeProcesses.WaitForMembers(
            nodes.Start("coordinator,web", 0, [.. tls, "--auth", "token:" + In("tokens"), "--http", server]), nodes.Start("worker", 0, tls));

        RunResult merged = ExpoProcess.Run(
            "merge", "--base", "base", "--aligned", "aligned", "--alpha", "0.3", "--out", "out", "--json",
            "--server", server, "--token-file", In("tokens"), "--tls-ca", In("ca.crt"));

        Assert.True(merged.ExitCode == 0, merged + nodes.Logs);
        Assert.Equal(0, ExpoProcess.Run("verify", place.Output).ExitCode);
        Assert.Contains("akka.ssl.tcp://", nodes.Logs, StringComparison.Ordinal);
        Assert.Equal(1, ExpoProcess.Run("jobs", "list", "--server", server, "--token-file", In("tokens")).ExitCode);
        Assert.Equal(
            1, ExpoProcess.Run("jobs", "list", "--server", server.Replace("https", "http", StringComparison.Ordinal), "--token-file", In("tokens")).ExitCode);
    }

    [LongFact(Needs.Postgres)]
    public void A_node_of_another_authority_does_not_join_and_both_sides_say_why()
    {
        ExpoProcess member = nodes.Start("coordinator", 0, ours.OptionsFor("member"));
        NodeProcesses.WaitForMembers(member);
        using var theirs = new TestAuthority(place.Root, "theirs");

        RunResult stranger = nodes.Start("worker", 0, theirs.OptionsFor("stranger")).Wait();

        Assert.Equal(1, stranger.ExitCode);
        Assert.Contains("error EXPO5034", stranger.Errors, StringComparison.Ordinal);
        Assert.Contains("CN=member was not made by the cluster's authority, but by CN=ours", stranger.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("member of the cluster", stranger.Errors, StringComparison.Ordinal);
        AssertAlone(member);
    }

    [LongFact(Needs.Postgres)]
    public void A_node_that_was_given_no_certificate_does_not_join_those_that_were()
    {
        ExpoProcess member = nodes.Start("coordinator", 0, ours.OptionsFor("member"));
        NodeProcesses.WaitForMembers(member);

        RunResult withItsOwn = nodes.Start("worker").Wait();

        Assert.Equal(1, withItsOwn.ExitCode);
        Assert.Contains("error EXPO5034", withItsOwn.Errors, StringComparison.Ordinal);
        AssertAlone(member);
    }

    [FactNeeding(Needs.Postgres)]
    public async Task Whoever_calls_without_a_valid_certificate_is_turned_away_with_the_reason()
    {
        int port = PostgresServer.FreePort();
        ExpoProcess member = nodes.Start("coordinator", port, ours.OptionsFor("member"));
        NodeProcesses.WaitForMembers(member);
        using var theirs = new TestAuthority(place.Root, "theirs");
        using X509Certificate2 good = ours.Issue("good");
        using X509Certificate2 expired = ours.Issue("late", fromDays: -30, untilDays: -2);
        using X509Certificate2 early = ours.Issue("early", fromDays: 2);
        using X509Certificate2 foreign = theirs.Issue("foreign");

        Assert.True(await IsLetInAsync(port, good), member.Errors);
        Assert.False(await IsLetInAsync(port, expired));
        Assert.False(await IsLetInAsync(port, early));
        Assert.False(await IsLetInAsync(port, foreign));
        Assert.False(await IsLetInAsync(port, shown: null));

        NodeProcesses.WaitFor(member, "CN=late expired on " + DateTime.UtcNow.AddDays(-2).ToString("yyyy-MM-dd", null));
        NodeProcesses.WaitFor(member, "CN=early is not valid before");
        NodeProcesses.WaitFor(member, "CN=foreign was not made by the cluster's authority, but by CN=theirs");
        NodeProcesses.WaitFor(member, "client did not provide a certificate");
        Assert.False(member.HasExited);
    }

    [FactNeeding(Needs.Postgres)]
    public void A_node_with_an_expired_certificate_does_not_start_and_says_why()
    {
        RunResult expired = nodes.Start("coordinator", 0, ours.OptionsFor("late", fromDays: -30, untilDays: -2)).Wait();

        Assert.Equal(2, expired.ExitCode);
        Assert.Contains("error EXPO5032", expired.Errors, StringComparison.Ordinal);
        Assert.Contains("CN=late expired on", expired.Errors, StringComparison.Ordinal);
    }

    [FactNeeding(Needs.Postgres)]
    public async Task A_node_whose_call_breaks_while_both_agree_on_TLS_joins_all_the_same()
    {
        ExpoProcess member = nodes.Start("coordinator", 0, ours.OptionsFor("member"));
        NodeProcesses.WaitForMembers(member);
        using var leaving = new TcpListener(IPAddress.Loopback, 0);
        leaving.Start();
        int port = ((IPEndPoint)leaving.LocalEndpoint).Port;
        database!.Query($"insert into expocluster_nodes (address, is_member, seen) values ('akka.ssl.tcp://expocluster@127.0.0.1:{port}', true, clock_timestamp() + interval '1 minute')");

        ExpoProcess joining = nodes.Start("worker", 0, ours.OptionsFor("joining"));
        using (TcpClient call = await leaving.AcceptTcpClientAsync())
        {
            // It says hello, and is hung up on.
            Assert.True(await call.GetStream().ReadAsync(new byte[1]) > 0);
            leaving.Stop();
            database.Query($"delete from expocluster_nodes where address like '%:{port}'");
            call.LingerState = new LingerOption(true, 0);
        }

        NodeProcesses.WaitForMembers(joining);
        Assert.False(member.HasExited, member.Errors);
    }

    // With TLS 1.3 a client has finished before its certificate is looked at; the answer to what it reads then tells.
    private static async Task<bool> IsLetInAsync(int port, X509Certificate2? shown)
    {
        using var tcp = new TcpClient();
        await tcp.ConnectAsync("127.0.0.1", port);
        await using var tls = new SslStream(tcp.GetStream());
        try
        {
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                LocalCertificateSelectionCallback = (_, _, _, _, _) => shown!,
                RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.Subject == "CN=member",
            });
            using var silence = new CancellationTokenSource(TimeSpan.FromSeconds(3));
            return await tls.ReadAsync(new byte[1], silence.Token) > 0;
        }
        catch (OperationCanceledException)
        {
            // The node waits for what this client has to say.
            return true;
        }
        catch (Exception exception) when (exception is IOException or AuthenticationException)
        {
            return false;
        }
    }

    private void AssertAlone(ExpoProcess member)
    {
        Assert.False(member.HasExited, member.Errors);
        Assert.Equal("1", database!.Query("select count(*) from expocluster_nodes where is_member"));
    }
}
