using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.SideFiles;

/// <summary>A side file as it was when the merge was begun.</summary>
/// <param name="Name">Where it goes in the output, with <c>/</c> between directories.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Digest">SHA-256 of its content, lower-case hex; null where its content has not been read: it comes from the Hub by a digest of its own.</param>
public sealed record ListedSideFile(string Name, long Bytes, string? Digest);

/// <summary>The side files that a merge was begun with: these are published, and no others.</summary>
/// <remarks>The list lies beside the plan as JSON. Its digest stands in the journal, so another list is not taken for it.</remarks>
public sealed class SideFileList
{
    /// <summary>A list of a million files has a tenth of it.</summary>
    private const int MaxJsonBytes = 1 << 30;

    private const int FormatVersion = 1;

    private const string None = "no such file";

    private readonly byte[] json;

    private SideFileList(ImmutableArray<ListedSideFile> files)
        : this(files, JsonSerializer.SerializeToUtf8Bytes(new SideFileListJson(FormatVersion, files), SideFileJson.Default.SideFileListJson))
    {
    }

    private SideFileList(ImmutableArray<ListedSideFile> files, byte[] json)
    {
        Files = files;
        this.json = json;
        Digest = Convert.ToHexStringLower(SHA256.HashData(json));
    }

    /// <summary>Sorted by name.</summary>
    public ImmutableArray<ListedSideFile> Files { get; }

    /// <summary>SHA-256 of the list, lower-case hex.</summary>
    public string Digest { get; }

    /// <summary>The files of a directory as they are now, with their digests.</summary>
    /// <exception cref="CheckpointException">One of them has changed since it was selected, or cannot be read.</exception>
    internal static SideFileList Of(ImmutableArray<SideFile> files, CheckpointBounds? bounds) => new([.. files.Select(file => Look(file, bounds))]);

    /// <summary>Files that come from the Hub by names that mean one content for ever.</summary>
    internal static SideFileList OfRemote(IEnumerable<(string Name, long Bytes)> files) =>
        new([.. files.Select(file => new ListedSideFile(file.Name, file.Bytes, Digest: null)).OrderBy(file => file.Name, StringComparer.Ordinal)]);

    /// <summary>Makes the list durable.</summary>
    /// <exception cref="StorageException">It cannot be written.</exception>
    public void Save(string path) => Durability.WriteWhole(path, json);

    /// <summary>True where a file holds this very list.</summary>
    /// <exception cref="StorageException">It cannot be read.</exception>
    public bool IsIn(string path) => PlainFile.Read(path, json.Length).AsSpan().SequenceEqual(json);

    /// <exception cref="JobException">The list is gone, damaged, or another one.</exception>
    public static SideFileList Load(string path, string digest)
    {
        try
        {
            byte[] json = PlainFile.Read(path, MaxJsonBytes);
            SideFileListJson? read = JsonSerializer.Deserialize(json, SideFileJson.Default.SideFileListJson);
            var list = new SideFileList(read is null || read.Files.IsDefault ? [] : read.Files, json);
            return list.Digest == digest ? list : throw Damaged(path, $"expected digest {digest}, found {list.Digest}");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or StorageException or JsonException)
        {
            throw Damaged(path, exception.Message, exception);
        }
    }

    /// <summary>The files to publish.</summary>
    /// <param name="directory">Where their contents are.</param>
    internal ImmutableArray<SideFile> In(string directory) =>
        [.. Files.Select(file => new SideFile(file.Name, Path.Join(directory, file.Name)) { ByteLength = file.Bytes })];

    /// <summary>The content of one of the files, which is what it was.</summary>
    /// <exception cref="CheckpointException">It is something else now, or cannot be read.</exception>
    internal static byte[] Read(ListedSideFile listed, SideFile file, CheckpointBounds? bounds)
    {
        byte[] content;
        try
        {
            content = SideFileSelection.Read(file, bounds);
        }
        catch (CheckpointException exception) when (exception.InnerException is FileNotFoundException or DirectoryNotFoundException)
        {
            throw CheckpointErrors.SideFileChanged(file.SourcePath, Describe(listed), None);
        }

        ListedSideFile now = Look(file.RelativePath, content);
        return IsSame(listed, now) ? content : throw CheckpointErrors.SideFileChanged(file.SourcePath, Describe(listed), Describe(now));
    }

    /// <summary>Throws unless a later run would publish what this one was begun with.</summary>
    /// <param name="now">As the side files are for the later run.</param>
    /// <param name="directory">Where they are, for the message.</param>
    /// <exception cref="CheckpointException">A file is missing, another one, or new.</exception>
    public void DemandSame(SideFileList now, string directory)
    {
        Dictionary<string, ListedSideFile> current = now.Files.ToDictionary(file => file.Name, StringComparer.Ordinal);
        foreach (ListedSideFile before in Files)
        {
            bool isThere = current.Remove(before.Name, out ListedSideFile? after);
            if (!isThere || !IsSame(before, after!))
            {
                throw CheckpointErrors.SideFileChanged(Path.Join(directory, before.Name), Describe(before), isThere ? Describe(after!) : None);
            }
        }

        if (current.Values.FirstOrDefault() is { } added)
        {
            throw CheckpointErrors.SideFileChanged(Path.Join(directory, added.Name), None, Describe(added));
        }
    }

    private static bool IsSame(ListedSideFile one, ListedSideFile other) =>
        one.Bytes == other.Bytes && (one.Digest is null || other.Digest is null || one.Digest == other.Digest);

    private static ListedSideFile Look(SideFile file, CheckpointBounds? bounds)
    {
        var selected = new ListedSideFile(file.RelativePath, file.ByteLength, Digest: null);
        return Look(file.RelativePath, Read(selected, file, bounds));
    }

    private static ListedSideFile Look(string name, byte[] content) =>
        new(name, content.Length, Convert.ToHexStringLower(SHA256.HashData(content)));

    private static string Describe(ListedSideFile file) =>
        file.Digest is null ? $"{file.Bytes:N0} bytes" : $"{file.Bytes:N0} bytes with digest {file.Digest[..12]}";

    private static JobException Damaged(string path, string why, Exception? inner = null) => new(
        JobException.PlanDamaged, $"{path}: the job's list of side files cannot be read ({why}).", "start over with --restart.", inner);
}

/// <summary>The list as it is stored. Fields are only added.</summary>
internal sealed record SideFileListJson(int Format, ImmutableArray<ListedSideFile> Files);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SideFileListJson))]
internal sealed partial class SideFileJson : JsonSerializerContext;
