using System.Globalization;
using System.Text.RegularExpressions;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Checkpoints;

/// <summary>Files and folders that hold a part of a model, as their names tell: one of several shards, what one of several processes saved, a module of several.</summary>
internal static partial class PartOfModel
{
    // Of an adapter it says how large it is.
    private const string Adapter = "lora";

    /// <summary>The name alone tells that others belong to it; one of one does not count.</summary>
    public static bool IsNamedSo(string fileName) => NumberOfFiles(fileName) is { } count ? count > 1 : Numbered().IsMatch(fileName) && !IsOfAdapter(fileName);

    /// <summary>Why a checkpoint is a part of a model, in words for people; null where nothing tells.</summary>
    /// <param name="checkpoint">As it was opened.</param>
    /// <param name="roots">Below which files must lie; null for everywhere.</param>
    public static string? WhyOf(Checkpoint checkpoint, StorageRoots? roots)
    {
        if (checkpoint.Folder is not LocalFolder folder)
        {
            return null;
        }

        string file = folder.PathOf(checkpoint.EntryFileName);
        string? directory = Path.GetDirectoryName(file);
        return !folder.HoldsModel && WhyOfFile(file, roots) is { } why ? why
            : directory is not null && IsModule(directory, roots) ? $"{ModuleFolders.FileName} beside {Printable.Of(Path.GetFileName(directory))} says that this is one module of several"
            : null;
    }

    private static string? WhyOfFile(string file, StorageRoots? roots)
    {
        string name = Path.GetFileName(file);
        if (NumberOfFiles(name) is { } count)
        {
            return count > 1 ? string.Create(CultureInfo.InvariantCulture, $"{Printable.Of(name)} is by its name one of {count}") : null;
        }

        string? directory = Path.GetDirectoryName(file);
        return OtherBeside(file, roots) is { } other ? $"{Printable.Of(name)} lies beside {Printable.Of(other)}, as one of several"
            : directory is not null && OtherBeside(directory, roots) is { } folder ? $"{Printable.Of(Path.GetFileName(directory))} lies beside {Printable.Of(folder)}, as one of several"
            : null;
    }

    // Another one whose name differs in the number alone.
    private static string? OtherBeside(string path, StorageRoots? roots)
    {
        string name = Path.GetFileName(path);
        return !Numbered().IsMatch(name) || IsOfAdapter(name) || Path.GetDirectoryName(path) is not { } directory ? null
            : NamesIn(directory, roots).FirstOrDefault(other => other != name && WithoutNumbers(other) == WithoutNumbers(name));
    }

    private static bool IsModule(string directory, StorageRoots? roots) =>
        Path.GetDirectoryName(directory) is { } parent && MayLookInto(parent, roots)
        && ModuleFolders.NamesIn(parent).Contains(Path.GetFileName(directory), StringComparer.Ordinal);

    private static string WithoutNumbers(string name) => Numbered().Replace(name, match => match.Value[..^match.Groups["number"].Length]);

    private static int? NumberOfFiles(string name) =>
        OfSeveral().Match(name) is { Success: true } match && int.TryParse(match.Groups["count"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int count) ? count : null;

    private static bool IsOfAdapter(string name) => name.Contains(Adapter, StringComparison.OrdinalIgnoreCase);

    private static string[] NamesIn(string directory, StorageRoots? roots)
    {
        try
        {
            return MayLookInto(directory, roots) ? [.. Directory.EnumerateFileSystemEntries(directory).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)] : [];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static bool MayLookInto(string directory, StorageRoots? roots)
    {
        try
        {
            return roots?.Contains(RealPath.Of(directory)) != false;
        }
        catch (StorageException)
        {
            return false;
        }
    }

    [GeneratedRegex(@"-\d+-of-(?<count>\d+)(?=[._-])|_world_size_(?<count>\d+)_", RegexOptions.ExplicitCapture)]
    private static partial Regex OfSeveral();

    [GeneratedRegex(@"(?<=^|[._-])(rank|part|shard|consolidated)[._-]?(?<number>\d+)(?=[._-]|$)", RegexOptions.ExplicitCapture | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Numbered();
}
