using System.Collections.Immutable;
using System.Text;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Files;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Core.Publishing;

/// <summary>Whether files can get their final names, asked before the first of them is computed.</summary>
public static class PublishPreflight
{
    /// <summary>Something that is no file has the name of a file to publish.</summary>
    public const string NameTaken = "EXPO2099";

    /// <summary>The file system takes no names of this length.</summary>
    public const string NameTooLong = "EXPO2100";

    private const string TrialName = ".expocluster-trial";

    private const uint Root = 0;

    /// <summary>What cannot be replaced whoever asks; null where nothing is in the way.</summary>
    /// <param name="output">The output directory.</param>
    /// <param name="merge">What is to be published there.</param>
    /// <param name="overwrite">Whatever has one of the names may be moved away, unless it is a directory.</param>
    public static RecipeProblem? FindObstacle(OutputPaths output, PlannedMerge merge, bool overwrite = false)
    {
        int longest = FileSystemFacts.Of(output.Root).MaxNameBytes;
        foreach (string name in NamesOf(merge))
        {
            if (Encoding.UTF8.GetByteCount(Path.GetFileName(name)) > longest)
            {
                return new RecipeProblem(
                    NameTooLong,
                    "--out",
                    $"{output.Published(name)}: the file system of the output takes names of {longest} bytes, and this one is longer.",
                    "choose an output on another file system, or rename the file in the aligned checkpoint if no loader needs it.");
            }

            if (FindObstacle(output, name, overwrite) is { } problem)
            {
                return problem;
            }
        }

        return null;
    }

    /// <summary>Throws when this user may not write there, or not move what is there.</summary>
    /// <param name="output">The output directory.</param>
    /// <param name="merge">What is to be published there.</param>
    /// <param name="overwrite">Another model there moves away.</param>
    /// <exception cref="StorageException">It is so.</exception>
    public static void CheckRights(OutputPaths output, PlannedMerge merge, bool overwrite)
    {
        CheckDirectories(output);
        ImmutableArray<string> names = NamesOfVariant(merge);
        foreach (string folder in Enumerable.Range(0, merge.Plan.Variants).Select(merge.Plan.FolderOf))
        {
            OutputPaths variant = output.Variant(folder);
            if (folder.Length > 0)
            {
                CheckDirectory(variant.Root, mayBeMounted: false);
            }

            foreach (string below in names.Select(name => Path.GetDirectoryName(name)!).Distinct().Where(below => below.Length > 0))
            {
                CheckDirectory(variant.Published(below), mayBeMounted: false);
            }

            CheckFiles(variant, overwrite ? [.. names.Union(ModelFilesIn(variant))] : names);
        }
    }

    /// <summary>Throws when nothing can be made in the output directory, or not be moved out of its workspace: before the workspace is made.</summary>
    /// <exception cref="StorageException">It is so.</exception>
    public static void CheckDirectories(OutputPaths output)
    {
        CheckDirectory(FileSystemFacts.NearestExisting(output.Root), mayBeMounted: true);
        CheckDirectory(output.Workspace, mayBeMounted: false);
    }

    /// <summary>Tries what publishing does: moves a file from the workspace to its side, and back over another one.</summary>
    /// <exception cref="StorageException">The file system does not do that.</exception>
    public static void TryMoving(OutputPaths output) => TryMoving(output, Durability.Move);

    /// <param name="output">The output directory, whose workspace is there.</param>
    /// <param name="move">Moves a file, over another one too.</param>
    internal static void TryMoving(OutputPaths output, Action<string, string> move)
    {
        string first = Path.Join(output.Workspace, "trial-1");
        string second = Path.Join(output.Workspace, "trial-2");
        string published = output.Published(TrialName);
        try
        {
            Make(first);
            Make(second);
            move(first, published);
            move(published, second);
            // Some file systems copy in place of it, and what one of them leaves somebody would take for a model's.
            if (File.Exists(first) || File.Exists(published))
            {
                RemoveTrial(first);
                RemoveTrial(published);
                throw CannotMove(output, "what was moved is still there", null);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw StorageException.From(exception, second, "try how files are moved here");
        }
        catch (StorageException refused) when (refused.Code == StorageException.NotWritable)
        {
            throw CannotMove(output, refused.Message, refused);
        }

        RemoveTrial(second);

        static void Make(string path)
        {
            using SafeFileHandle made = RegularFile.OpenToWrite(path, create: true);
        }
    }

    private static StorageException CannotMove(OutputPaths output, string why, Exception? cause) => new(
        StorageException.Unsuitable,
        $"{output.Root}: files cannot be moved there from {output.Workspace}, or not over one another ({why})",
        "choose an --out on a local file system, NFSv4.1+, CephFS or Lustre.",
        cause);

    // What stays goes with the workspace.
    private static void RemoveTrial(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
        }
    }

    private static RecipeProblem? FindObstacle(OutputPaths output, string name, bool overwrite)
    {
        for (string? folder = Path.GetDirectoryName(name); folder is { Length: > 0 }; folder = Path.GetDirectoryName(folder))
        {
            if (PathStatus.Of(output.Published(folder)) is { IsDirectory: false } file)
            {
                return Taken(output.Published(folder), file, "a directory");
            }
        }

        return PathStatus.Of(output.Published(name)) is { IsRegular: false } other && (other.IsDirectory || !overwrite)
            ? Taken(output.Published(name), other, "a file")
            : null;
    }

    private static RecipeProblem Taken(string path, PathStatus status, string wanted) => new(
        NameTaken,
        "--out",
        $"{path} is {status.Kind}, and the output has {wanted} of this name.",
        "move it elsewhere, or choose another output; --overwrite replaces no directories.");

    private static ImmutableArray<string> NamesOfVariant(PlannedMerge merge) =>
        PublishSequence.NamesOfVariant(merge.SideFileNames, merge.Plan, variant: 0);

    private static IEnumerable<string> NamesOf(PlannedMerge merge)
    {
        ImmutableArray<string> names = NamesOfVariant(merge);
        return Enumerable.Range(0, merge.Plan.Variants).SelectMany(variant => names.Select(name => PublishSequence.InFolder(merge.Plan.FolderOf(variant), name)));
    }

    private static IEnumerable<string> ModelFilesIn(OutputPaths variant) => Directory.Exists(variant.Root)
        ? Directory.EnumerateFiles(variant.Root).Select(path => Path.GetFileName(path)).Where(SideFileSelection.IsCheckpointFile)
        : [];

    // Names come and go in it. A file cannot be moved from one mount to another.
    private static void CheckDirectory(string path, bool mayBeMounted)
    {
        if (PathStatus.Of(path) is not { } status)
        {
            return;
        }

        if (status.Hold is { } hold)
        {
            throw StorageException.Held(path, hold);
        }

        if (status.IsMountPoint && !mayBeMounted)
        {
            throw StorageException.Held(path, "is a mount point, and no file can be moved between it and the output directory");
        }

        if (Posix.FindWriteRefusal(path) is { } refusal)
        {
            throw new StorageException(StorageException.NotWritable, $"{path}: cannot be written to ({refusal}).", "choose another --out, or have the permissions changed.");
        }
    }

    private static void CheckFiles(OutputPaths variant, ImmutableArray<string> names)
    {
        if (PathStatus.Of(variant.Root) is not { } directory)
        {
            return;
        }

        uint user = Posix.EffectiveUser();
        foreach (string path in names.Select(variant.Published))
        {
            if (PathStatus.Of(path) is not { } file)
            {
                continue;
            }

            bool isOthers = directory.IsSticky && user != Root && user != directory.User && user != file.User;
            string? hold = file.Hold ?? (file.IsMountPoint ? "is a mount point" : isOthers ? $"belongs to another user ({file.User}), in a directory where only owners may move files (mode 1777)" : null);
            if (hold is not null)
            {
                throw StorageException.Held(path, hold);
            }
        }
    }
}
