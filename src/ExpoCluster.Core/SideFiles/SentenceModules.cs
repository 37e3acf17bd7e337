using System.Text.Json;
using System.Text.RegularExpressions;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Files;

namespace ExpoCluster.Core.SideFiles;

/// <summary>Folders of the further modules of a sentence-transformers model (<c>1_Pooling</c>, <c>2_Dense</c>), which <c>modules.json</c> names.</summary>
internal static partial class SentenceModules
{
    private const string FileName = "modules.json";

    private const int MaxBytes = 1 << 20;

    private const int MaxFolders = 64;

    /// <summary>Every file of these folders.</summary>
    public static IEnumerable<SideFile> In(string directory, CheckpointBounds? bounds) =>
        from folder in FoldersOf(directory, bounds)
        let place = Path.Join(directory, folder)
        where Directory.Exists(place)
        from path in Directory.EnumerateFiles(place)
        let name = Path.GetFileName(path)
        where !name.StartsWith('.')
        select new SideFile(folder + "/" + name, path);

    /// <summary>The library names them so; of a repository that is not on this machine nothing else tells.</summary>
    public static bool IsFolder(string name) => NumberedModule().IsMatch(name);

    private static string[] FoldersOf(string directory, CheckpointBounds? bounds)
    {
        string path = Path.Join(directory, FileName);
        if (!File.Exists(path))
        {
            return [];
        }

        try
        {
            using JsonDocument modules = JsonDocument.Parse(RegularFile.ReadBytes(bounds?.Follow(path) ?? RealPath.Of(path), MaxBytes));
            return modules.RootElement.ValueKind != JsonValueKind.Array ? [] :
            [
                .. modules.RootElement.EnumerateArray().Take(MaxFolders)
                    .Where(module => module.ValueKind == JsonValueKind.Object && module.TryGetProperty("path", out JsonElement folder) && folder.ValueKind == JsonValueKind.String)
                    .Select(module => module.GetProperty("path").GetString()!)
                    .Where(IsOneLevel).Distinct(StringComparer.Ordinal),
            ];
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or IOException or UnauthorizedAccessException)
        {
            // Whatever is wrong with the file itself is said where it is copied.
            return [];
        }
    }

    // The file is downloaded text: a name that could lead elsewhere is not followed.
    private static bool IsOneLevel(string folder) => folder.Length is > 0 and < 256 && !folder.StartsWith('.') && folder.AsSpan().IndexOfAny("/\\:\0") < 0
        && !folder.Any(char.IsControl);

    [GeneratedRegex(@"^\d{1,3}_[A-Za-z]\w*$", RegexOptions.CultureInvariant)]
    private static partial Regex NumberedModule();
}
