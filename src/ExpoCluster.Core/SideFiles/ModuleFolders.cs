using System.Text.Json;
using System.Text.RegularExpressions;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Files;

namespace ExpoCluster.Core.SideFiles;

/// <summary>Folders that belong to a model of sentence-transformers: pooling, dense layers and others, as its <c>modules.json</c> names them.</summary>
internal static partial class ModuleFolders
{
    public const string FileName = "modules.json";

    /// <summary>Where a router in the model's own directory names the folders of its modules.</summary>
    public const string RouterFileName = "router_config.json";

    // A module has one folder, and a few below it where it is made of modules itself.
    private const int MaxLevels = 4;

    private const int MaxFileBytes = 1 << 20;

    // Has neither parameters nor settings, and git keeps no empty folder.
    private const string EmptyModule = "Normalize";

    private static readonly EnumerationOptions AllFiles = new()
    {
        RecurseSubdirectories = true, MaxRecursionDepth = MaxLevels - 2, AttributesToSkip = FileAttributes.None, IgnoreInaccessible = false,
    };

    /// <summary>True for a path in a folder that is named as such folders are: <c>1_Pooling/config.json</c>.</summary>
    public static bool Includes(string relativePath) =>
        relativePath.Split('/') is { Length: > 1 and <= MaxLevels } parts && FolderName().IsMatch(parts[0]) && !parts.Any(part => part.StartsWith('.'));

    /// <summary>The same for folders that a router names: <c>query_0_SparseStaticEmbedding/config.json</c>.</summary>
    public static bool IncludesOfRouter(string relativePath) =>
        relativePath.Split('/') is { Length: > 1 and <= MaxLevels } parts && RouterFolderName().IsMatch(parts[0]) && !parts.Any(part => part.StartsWith('.'));

    /// <summary>The files in all folders that the model's <c>modules.json</c> names; none where there is no such file.</summary>
    /// <param name="directory">Of the model.</param>
    /// <exception cref="CheckpointException">A folder lies elsewhere, or cannot be read.</exception>
    public static IEnumerable<SideFile> FilesOf(string directory)
    {
        IEnumerable<SideFile> files =
            from folder in FoldersOf(directory)
            where Directory.Exists(Path.Join(directory, folder.Path))
            from path in PathsIn(Path.Join(directory, folder.Path))
            let relative = Path.GetRelativePath(directory, path)
            where !relative.Split('/').Any(part => part.StartsWith('.'))
            select IsSafe(relative) ? new SideFile(relative, path) : throw Elsewhere(Path.Join(directory, FileName), relative);
        return files.DistinctBy(file => file.RelativePath);
    }

    /// <summary>What a user should know: folders that are missing, and weights that are copied.</summary>
    /// <param name="directory">Of the model.</param>
    /// <param name="files">That go along.</param>
    public static IEnumerable<string> NotesOn(string directory, IEnumerable<SideFile> files)
    {
        string[] missing =
        [
            .. FoldersOf(directory).Where(folder => !folder.Type.EndsWith("." + EmptyModule, StringComparison.Ordinal))
                .Select(folder => folder.Path).Where(path => !Directory.Exists(Path.Join(directory, path))),
        ];
        if (missing.Length > 0)
        {
            yield return $"{FileName} names {Printable.Some(missing, 5)}, which {(missing.Length == 1 ? "is" : "are")} not there";
        }

        string[] weights =
        [
            .. files.Select(file => file.RelativePath)
                .Where(path => path.Contains('/', StringComparison.Ordinal) && SideFileSelection.IsWeights(Path.GetFileName(path))),
        ];
        if (weights.Length > 0)
        {
            yield return $"{Printable.Some(weights, 5)}: weights of modules beside the model, copied from aligned and not merged";
        }
    }

    /// <summary>The folders that a directory's <c>modules.json</c> names; none where there is no such file, or where one of them lies elsewhere.</summary>
    /// <param name="directory">Of the model.</param>
    public static IEnumerable<string> NamesIn(string directory)
    {
        string path = Path.Join(directory, FileName);
        return File.Exists(path) ? [.. Parse(ReadOrNothing(path)).Concat(OfRouter(directory)).Select(folder => folder.Path).Where(IsSafe)] : [];
    }

    private static (string Path, string Type)[] FoldersOf(string directory)
    {
        string path = Path.Join(directory, FileName);
        if (!File.Exists(path))
        {
            return [];
        }

        (string Path, string Type)[] folders = [.. Parse(ReadOrNothing(path)).Concat(OfRouter(directory)).DistinctBy(folder => folder.Path)];
        return folders.FirstOrDefault(folder => !IsSafe(folder.Path)) is { Path: { } outside } ? throw Elsewhere(path, outside) : folders;
    }

    // What is wrong with the file itself is said where it is selected; a loader of the model's own files needs none of it.
    private static byte[] ReadOrNothing(string path)
    {
        try
        {
            return RegularFile.ReadBytes(RealPath.Of(path), MaxFileBytes);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or StorageException)
        {
            return [];
        }
    }

    private static (string Path, string Type)[] Parse(byte[] json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind != JsonValueKind.Array
                ? []
                :
                [
                    .. document.RootElement.EnumerateArray()
                        .Where(module => module.ValueKind == JsonValueKind.Object)
                        .Select(module => (Path: TextOf(module, "path").TrimEnd('/'), Type: TextOf(module, "type")))
                        .Where(module => module.Path is not ("" or "."))
                        .DistinctBy(module => module.Path),
                ];
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // By an invalid operation the reader says that a text is half a surrogate pair.
            return [];
        }
    }

    // "types" gives the class of each module by its folder.
    private static (string Path, string Type)[] OfRouter(string directory)
    {
        string path = Path.Join(directory, RouterFileName);
        if (!File.Exists(path))
        {
            return [];
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(ReadOrNothing(path));
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("types", out JsonElement types) && types.ValueKind == JsonValueKind.Object
                ? [.. types.EnumerateObject().Select(module => (Path: module.Name.TrimEnd('/'), Type: module.Value.ValueKind == JsonValueKind.String ? module.Value.GetString()! : "")).Where(module => module.Path is not ("" or "."))]
                : [];
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return [];
        }
    }

    private static string TextOf(JsonElement module, string key) =>
        module.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    private static bool IsSafe(string relativePath) => relativePath.Split('/') is { Length: <= MaxLevels } parts
        && !parts.Any(part => part is "" or "." or ".." || part.Contains('\0', StringComparison.Ordinal));

    private static string[] PathsIn(string folder)
    {
        try
        {
            return [.. Directory.EnumerateFiles(folder, "*", AllFiles)];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw CheckpointErrors.Unreadable(folder, exception);
        }
    }

    private static CheckpointException Elsewhere(string modules, string path) => CheckpointErrors.ModuleElsewhere(modules, path);

    [GeneratedRegex(@"^\d{1,3}_\w+$", RegexOptions.CultureInvariant)]
    private static partial Regex FolderName();

    [GeneratedRegex(@"^[A-Za-z]\w*_\d{1,3}_\w+$", RegexOptions.CultureInvariant)]
    private static partial Regex RouterFolderName();
}
