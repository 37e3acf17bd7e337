using System.CommandLine;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Server.Credentials;

namespace ExpoCluster.Cli.Commands;

/// <summary><c>expocluster credentials</c>: what a cluster needs once, so that its nodes know each other and its users.</summary>
internal static class CredentialsCommand
{
    private const string WrongHostname = "EXPO5038";

    public static Command Create()
    {
        var directory = new Argument<string>("DIR") { Description = "Gets an authority, a certificate with its key for the nodes, and tokens; what is there stays." };
        var hostnames = RecipeOptions.Text("--hostname", "H[,H...]", "Names and addresses under which clients reach nodes by HTTPS, besides localhost.");
        var authorityKey = RecipeOptions.Text("--authority-key", "F", "The authority's private key, which nodes do not need; DIR/ca.key by default.");
        var databasePassword = RecipeOptions.Text("--database-password", "F", "Also a password for PostgreSQL, there and in DIR/pgpass. Outside of DIR all users may read F, so mount it where only the database is.");
        var metricsToken = RecipeOptions.Text("--metrics-token", "F", "Also a copy of the reader's token, for Prometheus. Outside of DIR all users may read F, so mount it where only Prometheus is.");
        var command = new Command("credentials", "Make what a cluster needs once: certificates by which nodes know each other, and tokens for users. Overwrites nothing.");
        command.Arguments.Add(directory);
        command.Options.Add(hostnames);
        command.Options.Add(authorityKey);
        command.Options.Add(databasePassword);
        command.Options.Add(metricsToken);
        command.SetAction(parsed => Run(
            parsed.GetValue(directory)!,
            parsed.GetValue(authorityKey) ?? Path.Join(parsed.GetValue(directory), ClusterCredentials.AuthorityKeyName),
            parsed.GetValue(hostnames) ?? "",
            parsed.GetValue(databasePassword),
            parsed.GetValue(metricsToken)));
        return command;
    }

    private static int Run(string directory, string authorityKey, string hostnames, string? databasePassword, string? metricsToken)
    {
        string[] names = hostnames.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (Array.Find(names, name => Uri.CheckHostName(name) == UriHostNameType.Unknown) is { } wrong)
        {
            throw new UsageException(new RecipeProblem(WrongHostname, "--hostname", $"'{wrong}' is no name or address of a machine.", "give names such as node1.example,10.1.2.3."));
        }

        foreach (CredentialFile file in new ClusterCredentials(directory, authorityKey, TimeProvider.System).Make(names, databasePassword, metricsToken))
        {
            Console.Out.WriteLine($"{(file.IsNew ? "made" : "kept")} {file.Path}");
        }

        string Of(string name) => Path.Join(directory, name);
        Console.Out.WriteLine(
            $"give nodes: --tls-cert {Of(ClusterCredentials.CertificateName)} --tls-key {Of(ClusterCredentials.KeyName)} --tls-ca {Of(ClusterCredentials.AuthorityName)} --auth token:{Of(ClusterCredentials.TokensName)}");
        Console.Out.WriteLine($"give users a token of {Of(ClusterCredentials.TokensName)}; keep {authorityKey} where no node is.");
        return ExitCodes.Done;
    }
}
