using System.Collections.Immutable;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
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
            ["EXPO5001", "EXPO5008", "EXPO5002", "EXPO5003", "EXPO5002", "EXPO5005", "EXPO5006", "EXPO5007", "EXPO5007"],
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

    private NodeOptions Read() => new NodeOptionsReader(written.GetValueOrDefault).Read("test");

    private ImmutableArray<RecipeProblem> Problems() => Assert.Throws<UsageException>(Read).Problems;
}
