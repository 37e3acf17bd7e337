using System.Collections.Immutable;
using ExpoCluster.Core.SideFiles;

namespace ExpoCluster.Core.Checkpoints;

/// <summary>Weights where no loader looks for them: in a folder below, or in a file of another name.</summary>
internal static class NearbyWeights
{
    private const int MaxFolders = 100;

    private static readonly string[] FileEndings = [".pt", ".pth", ".ckpt"];

    // Hugging Face's cache keeps each version of a model in a folder of its own here.
    private const string Snapshots = "snapshots";

    /// <summary>References that may be meant instead of this one.</summary>
    public static IEnumerable<string> In(CheckpointFolder folder)
    {
        if (folder.LocalDirectory is not { } directory)
        {
            return [];
        }

        ImmutableSortedSet<string> names = folder.FileNames;
        IEnumerable<string> files = names.Where(name => FileEndings.Contains(Path.GetExtension(name)) && SideFileSelection.IsWeights(name) && !PartOfModel.IsNamedSo(name)).Select(name => Path.Join(directory, name));
        IEnumerable<string> folders = names.Where(name => name != Snapshots).Select(name => Path.Join(directory, name)).Concat(FoldersIn(Path.Join(directory, Snapshots)));
        return folders.Take(MaxFolders).Where(HoldsModel).Concat(files);
    }

    /// <summary>A loader may find weights in the directory.</summary>
    public static bool HoldsModel(string directory) => Look(directory, Directory.EnumerateFiles)
        .Any(path => SideFileSelection.EntryPoints.Contains(Path.GetFileName(path)) || path.EndsWith(".safetensors", StringComparison.Ordinal));

    private static string[] FoldersIn(string directory) => Look(directory, Directory.EnumerateDirectories);

    private static string[] Look(string directory, Func<string, IEnumerable<string>> list)
    {
        try
        {
            // A link is not followed: on a server it may lead where its users must not look.
            return new DirectoryInfo(directory) is { Exists: true, LinkTarget: null } ? [.. list(directory).Order(StringComparer.Ordinal)] : [];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
