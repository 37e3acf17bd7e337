using System.Collections.Immutable;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.EndToEnd;
using ExpoCluster.Server.Nodes;

namespace ExpoCluster.Server.Tests.Nodes;

public sealed class NodeOptionsReaderTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("expocluster-options-").FullName;
    private readonly Dictionary<string, string> written;

    public NodeOptionsReaderTests() => written = new Dictionary<string, string>
    {
        ["--database"] = "postgres://expo:secret@db.example:5433/jobs",
        ["--storage-root"] = root,
    };

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public void What_is_not_written_has_a_default()
    {
        NodeOptions options = Read();

        Assert.Equal(["coordinator", "worker", "web"], options.Roles.ToArray());
        Assert.Equal(("127.0.0.1", 4053, new Uri("http://127.0.0.1:8080")), (options.Hostname, options.Port, options.Http));
        Assert.Equal([RealPath.Of(root)], options.StorageRoots.ToArray());
        Assert.Equal(Environment.ProcessorCount, options.Lanes);
        Assert.Empty(options.Warnings);
    }

    [Fact]
    public void The_cache_of_the_Hub_lies_below_a_storage_root()
    {
        Assert.Equal(Path.Join(RealPath.Of(root), ".cache/huggingface/hub"), Read().HubCacheDirectory);
        Write(("--hub-cache", Path.Join(root, "hub")));
        Assert.Equal(Path.Join(RealPath.Of(root), "hub"), Read().HubCacheDirectory);

        foreach (string elsewhere in new[] { "/somewhere/else", "hub", Path.Join(root, "..", "hub") })
        {
            Write(("--hub-cache", elsewhere));
            Assert.Equal("EXPO5018", Assert.Throws<UsageException>(Read).Code);
        }
    }

    [Theory]
    [InlineData("90d", 90.0)]
    [InlineData("12h", 0.5)]
    [InlineData("forever", null)]
    [InlineData(null, null)]
    public void Jobs_are_kept_for_ever_unless_it_is_written_for_how_long(string? text, double? days)
    {
        written["--keep-jobs"] = text!;

        Assert.Equal(days, Read().KeepJobs?.TotalDays);
    }

    [Fact]
    public void A_length_of_time_needs_its_unit()
    {
        Write(("--keep-jobs", "90"));

        Assert.Equal("EXPO5007", Assert.Throws<UsageException>(Read).Code);
    }

    [Fact]
    public void What_is_written_is_taken()
    {
        string token = Path.Join(root, "token");
        File.WriteAllText(token, "t0ken");
        Write(("--roles", "worker, web"), ("--port", "0"), ("--lanes", "3"), ("--max-rate", "200MB"), ("--auth", "token:" + token), ("--http", "http://10.1.2.3:80"));

        NodeOptions options = Read();

        Assert.Equal(["worker", "web"], options.Roles.ToArray());
        Assert.Equal((0, 3, 200_000_000, token), (options.Port, options.Lanes, options.MaxBytesPerSecond, options.TokenFile));
        Assert.Equal(new Uri("http://10.1.2.3"), options.Http);
    }

    [Fact]
    public void All_problems_are_reported_at_once()
    {
        Write(("--roles", "boss"), ("--port", "70000"), ("--seed", "localhost:1"), ("--lanes", "0"), ("--max-rate", "fast"), ("--auth", "oidc:x"), ("--storage-root", "/no/such/place"), ("--database", "mysql://x"), ("--hostname", "no name"));

        Assert.Equal(
            ["EXPO5001", "EXPO5008", "EXPO5002", "EXPO5003", "EXPO5006", "EXPO5002", "EXPO5005", "EXPO5007", "EXPO5007"],
            Problems().Select(problem => problem.Code));
    }

    [Theory]
    [InlineData("--hostname", "10.1.2.3")]
    [InlineData("--http", "http://10.1.2.3:8080")]
    [InlineData("--http", "http://0.0.0.0:8080")]
    public void Without_a_word_about_access_only_this_machine_may_reach_the_node(string option, string value)
    {
        Write((option, value));
        Assert.Equal(["EXPO5009"], Problems().Select(problem => problem.Code));

        Write(("--auth", "none"));
        Assert.Contains(new Uri(value.StartsWith("http", StringComparison.Ordinal) ? value : "http://" + value).Host, Assert.Single(Read().Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_token_protects_HTTP_but_not_remoting()
    {
        string token = Path.Join(root, "token");
        File.WriteAllText(token, "t0ken");
        Write(("--auth", "token:" + token), ("--hostname", "10.1.2.3"), ("--http", "http://10.1.2.3:8080"));

        Assert.Equal(["--hostname"], Problems().Select(problem => problem.Path));
    }

    [Fact]
    public void A_token_that_travels_as_it_is_is_warned_of()
    {
        using var authority = new TestAuthority(root, "ours");
        Write(authority, "node");
        Write(("--hostname", "10.1.2.3"), ("--http", "http://10.1.2.3:8080"), ("--auth", "token:" + authority.CertificateFile));

        Assert.Contains("tokens travel to http://10.1.2.3:8080/ as they are", Assert.Single(Read().Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void An_authority_protects_HTTP()
    {
        using var authority = new TestAuthority(root, "ours");
        Write(authority, "node");
        Write(("--hostname", "10.1.2.3"), ("--http", "https://10.1.2.3:8080"), ("--auth", "oidc:https://id.example.org,expocluster"));

        NodeOptions options = Read();

        Assert.Empty(options.Warnings);
        Assert.Equal(("https://id.example.org/", "expocluster"), (options.Oidc!.Address.ToString(), options.Oidc.Audience));
        Assert.True(options.AsksForTokens);
    }

    [Theory]
    [InlineData("oidc:http://10.9.8.7/realm,expocluster")]
    [InlineData("oidc:https://id.example.org")]
    public void An_authority_is_reached_over_https_and_has_an_audience(string auth)
    {
        Write(("--auth", auth));

        Assert.Equal(["EXPO5008"], Problems().Select(problem => problem.Code));
    }

    [Fact]
    public void An_authority_on_this_machine_may_be_without_TLS()
    {
        Write(("--auth", "oidc:http://127.0.0.1:8180/realm,expocluster"));

        Assert.Equal("127.0.0.1", Read().Oidc!.Address.Host);
    }

    [Fact]
    public void Certificates_protect_remoting_but_not_HTTP()
    {
        using var authority = new TestAuthority(root, "ours");
        Write(authority, "node");
        Write(("--hostname", "10.1.2.3"), ("--http", "https://10.1.2.3:8080"), ("--seed", "akka.ssl.tcp://expocluster@10.1.2.4:4053"));
        Assert.Equal(["EXPO5009"], Problems().Select(problem => problem.Code));

        Write(("--auth", "token:" + authority.CertificateFile));
        NodeOptions options = Read();
        Assert.Empty(options.Warnings);
        Assert.Equal("CN=node", options.Certificate!.Own.Subject);
        Assert.True(options.Certificate.Own.HasPrivateKey);

        Write(("--seed", "akka.tcp://expocluster@10.1.2.4:4053"));
        Assert.Equal(["EXPO5003"], Problems().Select(problem => problem.Code));
    }

    [Theory]
    [InlineData("akka.tcp://expocluster@127.0.0.1:4053")]
    [InlineData("akka.ssl.tcp://expocluster@127.0.0.1:4053")]
    public void A_seed_is_called_by_TLS_also_where_no_certificates_are_given(string seed)
    {
        Write(("--seed", seed));

        Assert.Equal(["akka.ssl.tcp://expocluster@127.0.0.1:4053"], Read().Seeds.ToArray());
    }

    [Fact]
    public void A_node_that_is_alone_may_have_any_name_for_nothing_listens_there()
    {
        Write(("--database", "sqlite:" + Path.Join(root, "jobs.db")), ("--hostname", "10.1.2.3"));

        Assert.Empty(Read().Warnings);
    }

    [Fact]
    public void HTTPS_needs_a_certificate()
    {
        Write(("--http", "https://127.0.0.1:8080"));

        Assert.Equal(["EXPO5004"], Problems().Select(problem => problem.Code));
    }

    [Fact]
    public void A_certificate_comes_with_its_key_and_its_authority()
    {
        Write(("--tls-cert", Path.Join(root, "node.crt")));

        RecipeProblem problem = Assert.Single(Problems());
        Assert.Equal(("EXPO5031", "--tls-key, --tls-ca"), (problem.Code, problem.Path));
    }

    [Theory]
    [InlineData("--tls-cert")]
    [InlineData("--tls-key")]
    [InlineData("--tls-ca")]
    public void A_file_that_is_no_PEM_is_named(string option)
    {
        using var authority = new TestAuthority(root, "ours");
        Write(authority, "node");
        string broken = Path.Join(root, "broken.pem");
        File.WriteAllText(broken, "no PEM");
        Write((option, broken));

        RecipeProblem problem = Assert.Single(Problems());
        Assert.Equal(("EXPO5031", option), (problem.Code, problem.Path));
        Assert.Contains(broken, problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_key_of_another_certificate_is_refused()
    {
        using var authority = new TestAuthority(root, "ours");
        Write(authority, "other");
        string other = written["--tls-key"];
        Write(authority, "node");
        Write(("--tls-key", other));

        Assert.Equal(["EXPO5031"], Problems().Select(problem => problem.Code));
    }

    [Fact]
    public void A_certificate_that_the_others_would_refuse_is_refused_here()
    {
        using var ours = new TestAuthority(root, "ours");
        using var theirs = new TestAuthority(root, "theirs");
        Write(ours, "late", fromDays: -10, untilDays: -1);
        RecipeProblem late = Assert.Single(Problems());
        Assert.Equal("EXPO5032", late.Code);
        Assert.Contains("CN=late expired on", late.Message, StringComparison.Ordinal);

        Write(ours, "early", fromDays: 1);
        RecipeProblem early = Assert.Single(Problems());
        Assert.Equal("EXPO5032", early.Code);
        Assert.Contains("CN=early is not valid before", early.Message, StringComparison.Ordinal);

        Write(ours, "node");
        Write(("--tls-ca", theirs.CertificateFile));
        RecipeProblem foreign = Assert.Single(Problems());
        Assert.Equal("EXPO5033", foreign.Code);
        Assert.Contains("by CN=ours", foreign.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_end_that_is_near_is_told()
    {
        using var authority = new TestAuthority(root, "ours");
        Write(authority, "node", untilDays: 20);

        Assert.Contains("expires on", Assert.Single(Read().Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_node_without_the_role_web_serves_HTTP_where_it_is_told_to()
    {
        Write(("--roles", "worker"));
        Assert.Null(Read().Http);

        Write(("--http", "http://127.0.0.1:9090"));
        Assert.Equal(new Uri("http://127.0.0.1:9090"), Read().Http);
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("127.8.9.1")]
    [InlineData("::1")]
    public void Loopback_has_many_names(string hostname)
    {
        Write(("--hostname", hostname));

        Assert.Equal(hostname, Read().Hostname);
    }

    [Theory]
    [InlineData("postgres://expo:se%40cret@db.example:5433/jobs")]
    [InlineData("postgresql://expo:se%40cret@db.example:5433/jobs?Timeout=5")]
    [InlineData("Host=db.example;Port=5433;Username=expo;Password=se@cret;Database=jobs")]
    public void A_database_is_an_address_or_keys_and_values(string text)
    {
        string connection = Assert.IsType<NodeDatabase.PostgreSql>(NodeDatabase.Parse(text, out _)).ConnectionString;

        Assert.All(
            ["Host=db.example", "Port=5433", "Username=expo", "Password=se@cret", "Database=jobs"],
            part => Assert.Contains(part, connection, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public void What_a_database_is_not_told_is_told_for_a_cluster()
    {
        string few = Assert.IsType<NodeDatabase.PostgreSql>(NodeDatabase.Parse("postgres://db.example/jobs", out _)).ConnectionString;
        Assert.All(
            ["Timeout=5;", "Command Timeout=10;", "GSS Encryption Mode=Disable", "Application Name=expocluster"],
            part => Assert.Contains(part, few + ";", StringComparison.Ordinal));

        string many = Assert.IsType<NodeDatabase.PostgreSql>(NodeDatabase.Parse(
            "postgres://db.example/jobs?Timeout=7&Command%20Timeout=8&GSS%20Encryption%20Mode=Prefer&Application%20Name=mine&Passfile=/p", out _)).ConnectionString;
        Assert.All(
            ["Timeout=7;", "Command Timeout=8;", "GSS Encryption Mode=Prefer", "Application Name=mine", "Passfile=/p"],
            part => Assert.Contains(part, many + ";", StringComparison.Ordinal));
    }

    [Fact]
    public void A_password_is_not_repeated_in_messages()
    {
        Write(("--database", "postgres://expo:secret@/"));

        Assert.All(Problems(), problem => Assert.DoesNotContain("secret", problem.ToString(), StringComparison.Ordinal));
        Assert.DoesNotContain("secret", NodeDatabase.Parse("postgres://expo:secret@h/d", out _)!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void SQLite_is_for_a_node_alone()
    {
        Write(("--database", "sqlite:" + Path.Join(root, "jobs.db")));
        Assert.IsType<NodeDatabase.Sqlite>(Read().Database);

        Write(("--roles", "worker"));
        Assert.Equal(["EXPO5005"], Problems().Select(problem => problem.Code));
    }

    private void Write(params (string Option, string Value)[] options)
    {
        foreach ((string option, string value) in options)
        {
            written[option] = value;
        }
    }

    private void Write(TestAuthority authority, string subject, double fromDays = -1, double untilDays = 90) =>
        Write([.. authority.OptionsFor(subject, fromDays, untilDays).Chunk(2).Select(pair => (pair[0], pair[1]))]);

    private NodeOptions Read() => new NodeOptionsReader(written.GetValueOrDefault).Read("test");

    private ImmutableArray<RecipeProblem> Problems() => Assert.Throws<UsageException>(Read).Problems;
}
