using System.Security.Cryptography;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Files;
using Npgsql;

namespace ExpoCluster.Cluster.Membership;

/// <summary>Whether this node sees the storage that the others see: the first node leaves a token in each root, the others must find it.</summary>
public static class StorageCheck
{
    public const string TokenName = OutputPaths.StorageTokenName;

    private const int TokenLength = 32;
    private const int MaxTokenBytes = 4096;

    // Another node's token is a new file in a directory that this node may have looked at before: attribute caches hold it back.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <exception cref="ClusterException">What is mounted here is something else.</exception>
    public static async Task CheckAsync(ClusterDatabase database, IEnumerable<string> roots, CancellationToken cancellation)
    {
        foreach (string root in roots)
        {
            await CheckAsync(database, root, Patience, cancellation).ConfigureAwait(false);
        }
    }

    internal static async Task CheckAsync(ClusterDatabase database, string root, TimeSpan patience, CancellationToken cancellation)
    {
        string expected = await database.PatientlyAsync(
            token => database.AloneAsync(connection => TokenOfAsync(connection, root, token), token), cancellation).ConfigureAwait(false);
        long began = TimeProvider.System.GetTimestamp();
        string? found = Read(root);
        while (found != expected)
        {
            if (TimeProvider.System.GetElapsedTime(began) >= patience)
            {
                throw Differs(root, found);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(250), cancellation).ConfigureAwait(false);
            found = Read(root);
        }
    }

    // Nobody else is here meanwhile. A token that is there already is taken as it is: the database may be the newer of the two.
    private static async Task<string> TokenOfAsync(NpgsqlConnection connection, string root, CancellationToken cancellation)
    {
        await using var known = new NpgsqlCommand("select token from expocluster_storage where root = $1", connection) { Parameters = { new() { Value = root } } };
        if (await known.ExecuteScalarAsync(cancellation).ConfigureAwait(false) is string token)
        {
            return token;
        }

        string made = Read(root) ?? Make(root);
        await using var record = new NpgsqlCommand("insert into expocluster_storage (root, token) values ($1, $2)", connection)
        {
            Parameters = { new() { Value = root }, new() { Value = made } },
        };
        await record.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
        return made;
    }

    private static string Make(string root)
    {
        string token = RandomNumberGenerator.GetHexString(TokenLength, lowercase: true);
        try
        {
            Durability.WriteWhole(Path.Join(root, TokenName), System.Text.Encoding.ASCII.GetBytes(token));
            return token;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw StorageException.From(exception, root, "write below this storage root");
        }
    }

    /// <summary>The token that is in a root; null where there is none, as on a node alone.</summary>
    /// <exception cref="StorageException">It cannot be read.</exception>
    public static string? FindToken(string root) => Read(root);

    private static string? Read(string root)
    {
        try
        {
            return RegularFile.ReadText(Path.Join(root, TokenName), MaxTokenBytes).Trim();
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw StorageException.From(exception, Path.Join(root, TokenName), "read the storage's token");
        }
    }

    private static ClusterException Differs(string root, string? found) => new(
        ClusterException.OtherStorage,
        $"{root}: this is not the storage that the cluster's other nodes see there ({TokenName} {(found is null ? "is missing" : "has another content")}).",
        "mount the shared storage on this machine; if it was replaced on purpose, delete its row from the table expocluster_storage.");
}
