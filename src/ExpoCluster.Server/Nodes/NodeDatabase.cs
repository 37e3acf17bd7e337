using Npgsql;

namespace ExpoCluster.Server.Nodes;

/// <summary>Where the journal is.</summary>
public abstract record NodeDatabase
{
    private const int PostgreSqlPort = 5432;

    private NodeDatabase()
    {
    }

    /// <summary>A file, for a cluster of one node.</summary>
    public sealed record Sqlite(string Path) : NodeDatabase;

    /// <summary>A server, which the nodes also find each other by.</summary>
    public sealed record PostgreSql(string ConnectionString) : NodeDatabase
    {
        // A connection string holds a password, and records print themselves.
        public override string ToString() => nameof(PostgreSql);
    }

    /// <summary>Reads <c>sqlite:FILE</c>, <c>postgres://user:password@host:port/name</c>, or key=value as Npgsql takes it.</summary>
    /// <param name="text">What was written.</param>
    /// <param name="why">What is wrong with it; the text itself may hold a password and is not repeated.</param>
    public static NodeDatabase? Parse(string text, out string why)
    {
        why = "";
        if (text.StartsWith("sqlite:", StringComparison.Ordinal))
        {
            string file = text["sqlite:".Length..];
            why = "sqlite: needs a file in a directory that exists.";
            return file.Length > 0 && Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(file))) ? new Sqlite(Path.GetFullPath(file)) : null;
        }

        try
        {
            NpgsqlConnectionStringBuilder server = IsUrl(text) ? FromUrl(new Uri(text)) : new NpgsqlConnectionStringBuilder(text);
            why = "the database's host or name is missing.";
            return string.IsNullOrEmpty(server.Host) || string.IsNullOrEmpty(server.Database) ? null : new PostgreSql(Complete(server).ToString());
        }
        catch (Exception exception) when (exception is ArgumentException or UriFormatException or FormatException)
        {
            why = "this is no address of a database.";
            return null;
        }
    }

    private static bool IsUrl(string text) =>
        text.StartsWith("postgres://", StringComparison.Ordinal) || text.StartsWith("postgresql://", StringComparison.Ordinal);

    private static NpgsqlConnectionStringBuilder FromUrl(Uri url)
    {
        var server = new NpgsqlConnectionStringBuilder
        {
            Host = url.Host, Port = url.Port > 0 ? url.Port : PostgreSqlPort, Database = Uri.UnescapeDataString(url.AbsolutePath.TrimStart('/')),
        };
        string[] user = url.UserInfo.Split(':', 2);
        if (user[0].Length > 0)
        {
            server.Username = Uri.UnescapeDataString(user[0]);
        }

        if (user.Length > 1)
        {
            server.Password = Uri.UnescapeDataString(user[1]);
        }

        foreach (string[] pair in url.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=', 2)))
        {
            server[Uri.UnescapeDataString(pair[0])] = Uri.UnescapeDataString(pair.Length > 1 ? pair[1] : "");
        }

        return server;
    }

    // A database that does not answer is to be noticed within seconds; who wants other limits writes them. ContainsKey would say yes to
    // every key that there is.
    private static NpgsqlConnectionStringBuilder Complete(NpgsqlConnectionStringBuilder server)
    {
        if (!server.ShouldSerialize("Timeout"))
        {
            server.Timeout = 5;
        }

        if (!server.ShouldSerialize("Command Timeout"))
        {
            server.CommandTimeout = 10;
        }

        if (!server.ShouldSerialize("GSS Encryption Mode"))
        {
            // Few have Kerberos, and where its library is missing each node would complain on its console.
            server.GssEncryptionMode = GssEncryptionMode.Disable;
        }

        if (!server.ShouldSerialize("Application Name"))
        {
            server.ApplicationName = "expocluster";
        }

        return server;
    }
}
