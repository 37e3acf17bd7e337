using System.Text.Json;
using System.Text.RegularExpressions;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Hub;

/// <summary>One page of the Hub's tree endpoint.</summary>
internal static partial class HubListingJson
{
    /// <summary>Of a file: more than any storage of a Hub takes, and little enough that a hundred thousand can be added up.</summary>
    internal const long MaxFileBytes = 1L << 44;

    /// <summary>The files of a page; folders are left out, for a recursive listing names what is in them.</summary>
    /// <exception cref="HubException">The page is no listing, or has a path that leads out of its folder.</exception>
    public static IEnumerable<HubFile> Parse(ReadOnlyMemory<byte> page, HubCommit commit)
    {
        try
        {
            using var document = JsonDocument.Parse(page);
            return [.. document.RootElement.EnumerateArray().Where(IsFile).Select(entry => ReadFile(entry, commit))];
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw HubErrors.NotUnderstood(commit.ToString(), $"the list of files is none ({Printable.Of(exception.Message)})", exception);
        }
    }

    /// <summary>Digests become names of files, so they must be digests.</summary>
    public static bool IsSound(HubFile file) =>
        file.ByteLength is >= 0 and <= MaxFileBytes && HubPath.IsSafe(file.Path) && HubPath.IsPlain(file.Path) && HubCommit.IsSha(file.GitOid) && (file.Sha256 is null || Sha256().IsMatch(file.Sha256));

    private static bool IsFile(JsonElement entry) => entry.GetProperty("type").GetString() == "file";

    private static HubFile ReadFile(JsonElement entry, HubCommit commit)
    {
        var file = new HubFile(
            commit,
            entry.GetProperty("path").GetString() ?? "",
            entry.GetProperty("size").GetInt64(),
            entry.GetProperty("oid").GetString() ?? "",
            entry.TryGetProperty("lfs", out JsonElement lfs) && lfs.ValueKind == JsonValueKind.Object ? lfs.GetProperty("oid").GetString() : null);
        if (!HubPath.IsSafe(file.Path))
        {
            throw HubErrors.LeadsOutside(commit, file.Path);
        }

        if (!HubPath.IsPlain(file.Path))
        {
            throw HubErrors.NotAName(commit, file.Path);
        }

        return IsSound(file) ? file : throw new FormatException($"no sound entry for '{file.Path}'");
    }

    [GeneratedRegex(@"\A[0-9a-f]{64}\z")]
    private static partial Regex Sha256();
}
