using System.Diagnostics;
using System.Text.RegularExpressions;
using ExpoCluster.Cli.Commands;
using YamlDotNet.Core;
using YamlDotNet.Serialization;

namespace ExpoCluster.Repository;

/// <summary>What the compose file and the image promise.</summary>
public sealed partial class ComposeTests
{
    private static readonly string[] NodeServices = ["web", "worker"];

    private static readonly string[] OurServices = ["credentials", .. NodeServices];

    private readonly Dictionary<object, object> file = (Dictionary<object, object>)new DeserializerBuilder().Build()
        .Deserialize(new MergingParser(new Parser(new StringReader(Tree.Read("docker-compose.yml")))))!;

    public static TheoryData<string> Ours => [.. OurServices];

    [Fact]
    public void There_are_a_database_one_coordinator_with_the_role_web_and_three_workers()
    {
        Assert.Equal(
            ["credentials", "database", "web", "worker"],
            Map(file["services"]).Where(service => !Map(service.Value).ContainsKey("profiles")).Select(service => (string)service.Key).Order());
        Assert.Equal("coordinator,web", Environment("web")["EXPOCLUSTER_ROLES"]);
        Assert.Equal("worker", Environment("worker")["EXPOCLUSTER_ROLES"]);
        Assert.Equal("3", Map(Service("worker")["deploy"])["replicas"]);
    }

    [Fact]
    public void Only_HTTP_is_published_and_only_on_this_machine()
    {
        Assert.Equal(["127.0.0.1:8080:8080"], Texts(Service("web")["ports"]));
        Assert.Equal(["127.0.0.1:9090:9090"], Texts(Service("prometheus")["ports"]));
        Assert.Equal(["127.0.0.1:3000:3000"], Texts(Service("grafana")["ports"]));
        Assert.All(["credentials", "database", "worker"], name => Assert.False(Service(name).ContainsKey("ports"), name));
    }

    [Theory]
    [MemberData(nameof(Ours))]
    public void A_service_of_ours_may_do_nothing_but_its_work(string name)
    {
        Dictionary<object, object> service = Service(name);

        Assert.Equal("true", service["read_only"]);
        Assert.Equal(["ALL"], Texts(service["cap_drop"]));
        Assert.Equal(["no-new-privileges:true"], Texts(service["security_opt"]));
        Assert.False(service.ContainsKey("privileged") || service.ContainsKey("user") || service.ContainsKey("cap_add"));
    }

    [Fact]
    public void Nodes_wait_for_credentials_and_database_and_share_one_volume()
    {
        foreach (string name in NodeServices)
        {
            Dictionary<object, object> needs = Map(Service(name)["depends_on"]);
            Assert.Equal("service_completed_successfully", Map(needs["credentials"])["condition"]);
            Assert.Equal("service_healthy", Map(needs["database"])["condition"]);
            Assert.Contains("${MODELS:-models}:/models", Texts(Service(name)["volumes"]));
            Assert.Contains("credentials:/credentials:ro", Texts(Service(name)["volumes"]));
        }

        Assert.True(Service("database").ContainsKey("healthcheck"));
        Assert.Equal("no", Service("credentials")["restart"]);
    }

    [Fact]
    public void Nodes_know_each_other_by_certificates_and_users_by_tokens()
    {
        Assert.All(NodeServices, name =>
        {
            Dictionary<object, object> environment = Environment(name);
            Assert.StartsWith("token:", (string)environment["EXPOCLUSTER_AUTH"], StringComparison.Ordinal);
            Assert.All(["EXPOCLUSTER_TLS_CERT", "EXPOCLUSTER_TLS_KEY", "EXPOCLUSTER_TLS_CA"], variable => Assert.Contains(variable, environment.Keys));
        });
    }

    [Fact]
    public void Monitoring_is_a_profile_and_has_a_readers_token_and_no_other_secret()
    {
        foreach (string name in new[] { "prometheus", "grafana" })
        {
            Assert.Equal(["monitoring"], Texts(Service(name)["profiles"]));
            Assert.DoesNotContain(Texts(Service(name)["volumes"]), volume => volume.StartsWith("credentials", StringComparison.Ordinal) || volume.StartsWith("authority", StringComparison.Ordinal) || volume.StartsWith("database", StringComparison.Ordinal));
        }

        Assert.Contains("monitoring-token:/monitoring:ro", Texts(Service("prometheus")["volumes"]));
        Assert.Contains("credentials_file: /monitoring/token", Tree.Read("deploy/prometheus/prometheus.yml"), StringComparison.Ordinal);
        Assert.All(NodeServices, name => Assert.Equal("http://0.0.0.0:8080", Environment(name)["EXPOCLUSTER_HTTP"]));
    }

    [Fact]
    public void Every_variable_is_an_option_of_a_node()
    {
        string[] variables = [.. ExpoClusterCommand.Create().Subcommands.Single(command => command.Name == "node").Options.Select(option => NodeCommand.VariableOf(option.Name))];

        IEnumerable<string> used = Variable().Matches(Tree.Read("docker-compose.yml") + Tree.Read("deploy/Dockerfile")).Select(match => match.Groups[1].Value);
        Assert.All(used, name => Assert.Contains(name, variables));
    }

    [Fact]
    public void No_secret_stands_in_the_file_and_nobody_but_its_maker_has_the_authoritys_key()
    {
        string text = Tree.Read("docker-compose.yml");

        Assert.DoesNotMatch(Secret(), text);
        Assert.Equal("/run/database/password", Environment("database")["POSTGRES_PASSWORD_FILE"]);
        Assert.All(["database", .. NodeServices], name => Assert.DoesNotContain(Texts(Service(name)["volumes"]), volume => volume.StartsWith("authority", StringComparison.Ordinal)));
        Assert.All(NodeServices, name => Assert.DoesNotContain(Texts(Service(name)["volumes"]), volume => volume.StartsWith("database", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_commands_of_the_services_exist() => Assert.All(OurServices, name =>
        Assert.Empty(ExpoClusterCommand.Create().Parse([.. Texts(Service(name)["command"])]).Errors.Select(error => error.Message)));

    [Fact]
    public void No_image_is_whatever_is_newest()
    {
        IEnumerable<string> images = Image().Matches(Tree.Read("docker-compose.yml") + Tree.Read("deploy/Dockerfile")).Select(match => match.Groups[1].Value);

        Assert.Equal(["expocluster:local", "grafana/grafana:12.1.0", "mcr.microsoft.com/dotnet/aspnet:10.0", "mcr.microsoft.com/dotnet/sdk:10.0", "postgres:17", "prom/prometheus:v3.5.0"], images.Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_image_is_built_from_every_project_runs_as_nobody_special_and_for_any_processor()
    {
        string image = Tree.Read("deploy/Dockerfile");

        Assert.All(Tree.ProjectNames, project => Assert.Contains($"COPY src/{project}/{project}.csproj src/{project}/\n", image, StringComparison.Ordinal));
        Assert.Contains("\nUSER 1654:1654\n", image, StringComparison.Ordinal);
        Assert.Contains("\nENTRYPOINT [\"/app/expocluster\"]\n", image, StringComparison.Ordinal);
        Assert.Contains("\nHEALTHCHECK ", image, StringComparison.Ordinal);
        Assert.Contains("ReadyToRun=true", image, StringComparison.Ordinal);
        Assert.DoesNotMatch(Processor(), image);
    }

    [ComposeFact]
    public void Docker_compose_takes_the_file() => Compose("config", "--quiet");

    [ComposeFact]
    public void Docker_compose_takes_the_file_with_monitoring() => Compose("--profile", "monitoring", "config", "--quiet");

    private static void Compose(params string[] arguments)
    {
        var start = new ProcessStartInfo(ComposeFactAttribute.Program!, arguments) { WorkingDirectory = Tree.Root, RedirectStandardError = true };
        using Process compose = Process.Start(start)!;
        string errors = compose.StandardError.ReadToEnd();
        compose.WaitForExit();

        Assert.True(compose.ExitCode == 0, errors);
    }

    private Dictionary<object, object> Service(string name) => Map(Map(file["services"])[name]);

    private Dictionary<object, object> Environment(string service) => Map(Service(service)["environment"]);

    private static Dictionary<object, object> Map(object value) => (Dictionary<object, object>)value;

    private static IEnumerable<string> Texts(object list) => ((List<object>)list).Select(item => (string)item);

    [GeneratedRegex(@"^\s*(EXPOCLUSTER_(?!IMAGE)\w+)[:=]", RegexOptions.Multiline)]
    private static partial Regex Variable();

    [GeneratedRegex(@"PASSWORD:|TOKEN:|://[^/\s:]+:[^@\s]+@")]
    private static partial Regex Secret();

    [GeneratedRegex(@"(?:-|IMAGE=)((?:mcr\.microsoft\.com/|postgres|prom/|grafana/|expocluster:)[\w./]*:?[\w.]+)")]
    private static partial Regex Image();

    [GeneratedRegex(@"x64|x86|amd64|arm64")]
    private static partial Regex Processor();
}
