using System.Collections.Immutable;
using System.Text.Json;
using ExpoCluster.Tensors.Files;

namespace ExpoCluster.Core.Hub;

/// <summary>A complete listing as it lies in the cache: <c>trees/COMMIT.json</c>.</summary>
internal static class HubTreeFile
{
    private const int FormatVersion = 1;

    /// <summary>Of a list of half a million files.</summary>
    private const int MaxBytes = 128 << 20;

    public static byte[] Encode(HubListing listing)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("format_version", FormatVersion);
            json.WriteStartObject("files");
            foreach (HubFile file in listing.Files)
            {
                Write(json, file);
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        return buffer.ToArray();
    }

    /// <summary>Null when there is none that can be read; the Hub is asked then.</summary>
    public static HubListing? Read(string path, HubCommit commit)
    {
        try
        {
            return File.Exists(path) ? Parse(RegularFile.ReadBytes(path, MaxBytes), commit) : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException
            or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            return null;
        }
    }

    private static void Write(Utf8JsonWriter json, HubFile file)
    {
        json.WriteStartObject(file.Path);
        json.WriteNumber("size", file.ByteLength);
        json.WriteString("blob_id", file.GitOid);
        if (file.Sha256 is { } sha256)
        {
            json.WriteString("lfs_sha256", sha256);
            json.WriteNumber("lfs_size", file.ByteLength);
        }

        json.WriteEndObject();
    }

    private static HubListing? Parse(byte[] content, HubCommit commit)
    {
        using var document = JsonDocument.Parse(content);
        if (document.RootElement.GetProperty("format_version").GetInt32() != FormatVersion)
        {
            return null;
        }

        ImmutableArray<HubFile> files =
            [.. document.RootElement.GetProperty("files").EnumerateObject().Select(entry => ReadFile(entry, commit))];
        return files.All(HubListingJson.IsSound) ? new HubListing(commit, files) : null;
    }

    private static HubFile ReadFile(JsonProperty entry, HubCommit commit) => new(
        commit,
        entry.Name,
        entry.Value.TryGetProperty("lfs_size", out JsonElement size) && size.ValueKind == JsonValueKind.Number
            ? size.GetInt64()
            : entry.Value.GetProperty("size").GetInt64(),
        entry.Value.GetProperty("blob_id").GetString() ?? "",
        entry.Value.TryGetProperty("lfs_sha256", out JsonElement sha256) ? sha256.GetString() : null);
}
