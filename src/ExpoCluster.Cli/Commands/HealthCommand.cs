using System.CommandLine;
using System.Net;
using System.Text;
using System.Text.Json;
using ExpoCluster.Client;
using ExpoCluster.Client.Nodes;

namespace ExpoCluster.Cli.Commands;

/// <summary><c>expocluster health</c>: whether the node on this machine can work, for containers that hold no other program to ask it.</summary>
internal static class HealthCommand
{
    private const string DefaultUrl = "http://127.0.0.1:8080";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public static Command Create()
    {
        var url = RecipeOptions.Text("--url", "URL", "What the node was given as --http; by default EXPOCLUSTER_HTTP.");
        var live = new Option<bool>("--live") { Description = "Ask only whether the process answers, not whether it can work." };
        var command = new Command("health", "Exit with 0 if the node on this machine can work; else say why it cannot.");
        command.Options.Add(url);
        command.Options.Add(live);
        command.SetAction((parsed, cancellation) => RunAsync(UrlOf(parsed.GetValue(url)), parsed.GetValue(live) ? "health/live" : "health/ready", cancellation));
        return command;
    }

    private static string UrlOf(string? given) =>
        given ?? EnvironmentVariable.Find(NodeCommand.VariableOf("--http")) ?? DefaultUrl;

    private static async Task<int> RunAsync(string url, string path, CancellationToken cancellation)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out Uri? node) || node.Scheme is not ("http" or "https"))
        {
            throw ServerOptions.NotAnUrl("--url", url);
        }

        string? authority = EnvironmentVariable.Find(ServerTrust.Variable);
        using SocketsHttpHandler connection = ServerTrust.Connection(node.Scheme == Uri.UriSchemeHttps ? authority : null, isNameOfInterest: false);
        using var http = new HttpClient(connection) { Timeout = Patience };
        try
        {
            using HttpResponseMessage answer = await http.GetAsync(new Uri(Reachable(node), path), cancellation).ConfigureAwait(false);
            return answer.IsSuccessStatusCode
                ? ExitCodes.Done
                : throw new NodeHealthException($"{node} is not ready: {await ReasonsAsync(answer, cancellation).ConfigureAwait(false)}.");
        }
        catch (Exception exception) when (exception is HttpRequestException || (exception is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            throw new NodeHealthException($"{node} does not answer ({exception.GetBaseException().Message}).");
        }
    }

    // A node that listens on all addresses is reached by that of this machine.
    private static Uri Reachable(Uri node) => IPAddress.TryParse(node.Host.Trim('[', ']'), out IPAddress? address) && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any))
        ? new UriBuilder(node) { Host = IPAddress.Loopback.ToString() }.Uri
        : node;

    private static async Task<string> ReasonsAsync(HttpResponseMessage answer, CancellationToken cancellation)
    {
        string body = await answer.Content.ReadAsStringAsync(cancellation).ConfigureAwait(false);
        try
        {
            NodeHealth health = Answers.Read(Encoding.UTF8.GetBytes(body), ContractJson.Default.NodeHealth);
            string[] reasons = [.. health.Checks.Where(check => !check.Holds).Select(check => check.Reason ?? check.Name)];
            return reasons.Length > 0 ? string.Join("; ", reasons) : $"it answers {(int)answer.StatusCode}";
        }
        catch (JsonException)
        {
            return $"it answers {(int)answer.StatusCode}";
        }
    }
}
