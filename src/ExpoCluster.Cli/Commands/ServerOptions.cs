using System.CommandLine;
using ExpoCluster.Client;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Files;

namespace ExpoCluster.Cli.Commands;

/// <summary>The options that say which cluster is meant, and who asks.</summary>
internal sealed class ServerOptions
{
    public const string TokenVariable = "EXPOCLUSTER_TOKEN";
    public const string NoUrl = "EXPO2092";
    public const string NotOfServers = "EXPO2093";
    public const string NoToken = "EXPO5123";

    private const int MaxFileBytes = 1 << 20;

    private readonly Option<string?> server;
    private readonly Option<string?> tokenFile;
    private readonly Option<string?> authority;

    /// <param name="isRequired">The command does nothing without a server.</param>
    public ServerOptions(bool isRequired)
    {
        server = RecipeOptions.Text("--server", "URL", "A node of a cluster, for example http://localhost:8080; paths are then the server's.");
        server.Required = isRequired;
        server.Recursive = isRequired;
        tokenFile = RecipeOptions.Text("--token-file", "F", $"The file with the token that the server asks for; else {TokenVariable} holds it.");
        tokenFile.Recursive = isRequired;
        authority = RecipeOptions.Text("--tls-ca", "F", $"The authority (PEM) of the server's certificate, where this machine does not know it; else {ServerTrust.Variable} names it.");
        authority.Recursive = isRequired;
    }

    public void AddTo(Command command)
    {
        command.Options.Add(server);
        command.Options.Add(tokenFile);
        command.Options.Add(authority);
    }

    public bool AreGiven(ParseResult parsed) => parsed.GetValue(server) is not null;

    /// <exception cref="UsageException">The URL, the token file or the authority cannot be used.</exception>
    public ExpoClusterClient Connect(ParseResult parsed)
    {
        string text = parsed.GetValue(server)!;
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? url) || url.Scheme is not ("http" or "https"))
        {
            throw NotAnUrl("--server", text);
        }

        string? trusted = parsed.GetValue(authority) ?? EnvironmentVariable.Find(ServerTrust.Variable);
#pragma warning disable CA2000 // The client disposes its connection.
        return new ExpoClusterClient(url, ReadToken(parsed.GetValue(tokenFile)), ServerTrust.Connection(url.Scheme == Uri.UriSchemeHttps ? trusted : null));
#pragma warning restore CA2000
    }

    internal static UsageException NotAnUrl(string option, string text) =>
        Problem(NoUrl, option, $"'{text}' is no URL of a server.", "give one such as http://localhost:8080.");

    /// <summary>Refuses options that mean something only to a merge in this process.</summary>
    /// <exception cref="UsageException">With all of them.</exception>
    public static void Refuse(ParseResult parsed, IEnumerable<Option> options)
    {
        UsageException[] refusals =
        [
            .. options.Where(option => parsed.GetResult(option) is { Implicit: false }).Select(option => Problem(
                NotOfServers, option.Name, "a cluster decides this by itself.", "leave it out, or merge without --server.")),
        ];
        if (refusals.Length > 0)
        {
            throw new UsageException([.. refusals.SelectMany(refusal => refusal.Problems)]);
        }
    }

    private static string? ReadToken(string? file)
    {
        if (file is null)
        {
            return EnvironmentVariable.Find(TokenVariable);
        }

        try
        {
            // The server's own file will do: its first token.
            return RegularFile.ReadText(file, MaxFileBytes).Split('\n')
                .Select(line => line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).FirstOrDefault())
                .FirstOrDefault(word => word is not null && !word.StartsWith('#'))
                ?? throw Problem(NoToken, "--token-file", $"{file} holds no token.", "write the token into it.");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Problem(NoToken, "--token-file", $"{file} cannot be read ({exception.Message}).", "give a file that this user may read.");
        }
    }

    private static UsageException Problem(string code, string path, string message, string advice) =>
        new(new RecipeProblem(code, path, message, advice));
}
