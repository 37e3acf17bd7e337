using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Files;

namespace ExpoCluster.Server.Access;

/// <summary>What somebody may do.</summary>
public enum AccessRole
{
    /// <summary>Look.</summary>
    Reader,

    /// <summary>Submit, cancel and resume as well.</summary>
    Operator,
}

/// <summary>Somebody who may come in.</summary>
public sealed record AccessGrant(string Name, AccessRole Role);

/// <summary>The tokens of a file: one a line, as <c>TOKEN [operator|reader] [NAME]</c>; lines that begin with # are passed over.</summary>
public sealed class AccessTokens
{
    public const string Unreadable = "EXPO5108";

    private const int MinLength = 16;
    private const int MaxFileBytes = 1 << 20;

    // Only digests are kept, and all are compared, so that neither memory nor time tells of a token.
    private readonly ImmutableArray<(byte[] Digest, AccessGrant Grant)> entries;

    private AccessTokens(ImmutableArray<(byte[] Digest, AccessGrant Grant)> entries) => this.entries = entries;

    /// <exception cref="UsageException">With everything that is wrong with the file. No token is ever named.</exception>
    public static AccessTokens ReadFrom(string path)
    {
        string[] lines;
        try
        {
            lines = RegularFile.ReadText(path, MaxFileBytes).Split('\n');
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UsageException(Problem(path, $"the token file cannot be read ({exception.Message})."));
        }

        var entries = ImmutableArray.CreateBuilder<(byte[], AccessGrant)>();
        var problems = ImmutableArray.CreateBuilder<RecipeProblem>();
        for (int number = 1; number <= lines.Length; number++)
        {
            Read(path, number, lines[number - 1], entries, problems);
        }

        if (entries.Count == 0 && problems.Count == 0)
        {
            problems.Add(Problem(path, "the file holds no token."));
        }

        return problems.Count == 0 ? new AccessTokens(entries.ToImmutable()) : throw new UsageException(problems.ToImmutable());
    }

    /// <summary>Whose token it is; null for nobody's.</summary>
    public AccessGrant? Find(string token)
    {
        byte[] digest = SHA256.HashData(Encoding.UTF8.GetBytes(token));
        AccessGrant? found = null;
        foreach ((byte[] known, AccessGrant grant) in entries)
        {
            if (CryptographicOperations.FixedTimeEquals(known, digest))
            {
                found ??= grant;
            }
        }

        return found;
    }

    private static void Read(
        string path,
        int number,
        string line,
        ImmutableArray<(byte[], AccessGrant)>.Builder entries,
        ImmutableArray<RecipeProblem>.Builder problems)
    {
        string[] words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0 || words[0].StartsWith('#'))
        {
            return;
        }

        AccessRole? role = words.ElementAtOrDefault(1) switch
        {
            null or "operator" => AccessRole.Operator,
            "reader" => AccessRole.Reader,
            _ => null,
        };
        if (words.Length > 3 || role is null)
        {
            problems.Add(Problem($"{path} (line {number})", "the line is not of the form TOKEN [operator|reader] [NAME]."));
        }
        else if (words[0].Length < MinLength)
        {
            problems.Add(Problem($"{path} (line {number})", $"the token is shorter than {MinLength} characters."));
        }
        else
        {
            entries.Add((SHA256.HashData(Encoding.UTF8.GetBytes(words[0])), new AccessGrant(words.ElementAtOrDefault(2) ?? $"token-{number}", role.Value)));
        }
    }

    private static RecipeProblem Problem(string path, string message) => new(
        Unreadable, path, message, "give a file with a token in each line, for example made by: openssl rand -hex 32 > FILE.");
}
