using System.Collections.Immutable;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Publishing;

/// <summary>Makes a finished merge visible, so that a loader sees the old model, none, or the new one, never a mixture.</summary>
/// <remarks>
/// First everything is made ready in the workspace (<see cref="Prepare"/>). Then old files move away, the entry point first,
/// and new ones move in, the entry point last (<see cref="Publish"/>). Each step tolerates that it is already done: a new file
/// that is no longer in the workspace is in its place.
/// </remarks>
public sealed class PublishSequence
{
    internal const string ModelCardName = "README.md";

    private readonly OutputPaths paths;
    private readonly string job;
    private readonly Action<string, string> rename;
    private readonly HubCache? hub;
    private readonly StorageRoots? roots;

    /// <param name="paths">The output directory.</param>
    /// <param name="job">Whose output it is.</param>
    /// <param name="hub">Where side files of the Hub have been brought; null where they lie in the workspace.</param>
    /// <param name="roots">Below which side files must lie; null for everywhere. A plan was checked when it was made, and links can change.</param>
    public PublishSequence(OutputPaths paths, string job, HubCache? hub = null, StorageRoots? roots = null)
        : this(paths, job, Durability.Move)
    {
        this.hub = hub;
        this.roots = roots;
    }

    /// <param name="paths">The output directory.</param>
    /// <param name="job">Whose output it is.</param>
    /// <param name="rename">Moves a file.</param>
    internal PublishSequence(OutputPaths paths, string job, Action<string, string> rename)
    {
        this.paths = paths;
        this.job = job;
        this.rename = rename;
    }

    /// <summary>Writes side files, model cards, indexes and provenance into the workspace.</summary>
    /// <param name="plan">What was merged.</param>
    /// <param name="recipe">What was asked for.</param>
    /// <param name="files">The sealed files.</param>
    /// <param name="version">Of the program.</param>
    /// <param name="listed">The side files that the merge was begun with; null to take those that are there now.</param>
    /// <returns>All names to publish, in their order: in a sweep, variant after variant, each with its folder.</returns>
    /// <exception cref="CheckpointException">A side file is not what it was.</exception>
    public ImmutableArray<string> Prepare(Plan plan, Recipe recipe, ImmutableArray<JobFileState> files, string version, SideFileList? listed = null)
    {
        if (File.Exists(paths.Room))
        {
            File.Delete(paths.Room);
        }

        string prepared = paths.Prepared(job);
        if (Directory.Exists(prepared))
        {
            Directory.Delete(prepared, recursive: true);
        }

        ImmutableArray<PublishedSideFile> sideFiles = SideFilesOf(plan, listed);
        var preparation = new Preparation(prepared, plan, sideFiles, BoundsOf(plan));
        string[] sideNames = [.. sideFiles.Select(file => file.File.RelativePath)];
        for (int variant = 0; variant < plan.Variants; variant++)
        {
            ImmutableArray<JobFileState> ofVariant = [.. files.Skip(variant * plan.LayoutLength).Take(plan.LayoutLength)];
            preparation.Write(variant, NamesOfVariant(sideNames, plan, variant), recipe.OfVariant(variant), ofVariant, version);
        }

        return NamesInOrder(sideNames, plan);
    }

    /// <summary>Which of the transferred side files somebody has removed from the cache: publishing needs them.</summary>
    public ImmutableArray<int> FindLost(Plan plan, ImmutableArray<JobTransfer> transfers)
    {
        if (hub is null || plan.SideFileDirectory is not { } directory || !HubReference.Matches(directory))
        {
            return [];
        }

        var commit = HubCommit.Parse(directory);
        return
        [
            .. Enumerable.Range(0, transfers.Length).Where(index => transfers[index].File is var file
                && file.Commit == commit && SideFileSelection.IsSelected(file.Path) && !hub.Has(file)),
        ];
    }

    /// <summary>Moves old files away and new ones in.</summary>
    /// <param name="names">As <see cref="Prepare"/> gave them.</param>
    /// <param name="overwrite">Another model in the directory is replaced.</param>
    /// <param name="files">The sealed files, for the generation of each.</param>
    public void Publish(ImmutableArray<string> names, bool overwrite, ImmutableArray<JobFileState> files)
    {
        Dictionary<string, string> sources = names.ToDictionary(
            name => name, name => Path.Join(paths.Prepared(job), name), StringComparer.Ordinal);
        foreach (JobFileState file in files)
        {
            sources[file.File.Name] = paths.StagingFile(job, file.Generation, file.File.Name);
            CheckLength(sources[file.File.Name], file.File);
        }

        foreach (IGrouping<string, string> variant in names.GroupBy(FolderOf))
        {
            if (overwrite)
            {
                MoveOldAway(variant.Key, sources);
            }

            foreach (IGrouping<int, string> step in variant.GroupBy(name => StepOf(Path.GetFileName(name))).OrderBy(step => step.Key))
            {
                MoveIn(step.Select(name => (sources[name], paths.Published(name))));
            }
        }
    }

    // What of a step is visible first does not matter; that all of it lasts before the next step begins does.
    private static int StepOf(string name) => SideFileSelection.IsEntryPoint(name) ? 2 : SideFileSelection.IsWeights(name) ? 1 : 0;

    private void MoveIn(IEnumerable<(string From, string To)> step)
    {
        var moved = new List<(string From, string To)>();
        foreach ((string from, string to) in step)
        {
            if (File.Exists(from))
            {
                Durability.CreateDirectory(Path.GetDirectoryName(to)!);
                rename(from, to);
                moved.Add((from, to));
            }
            else if (!File.Exists(to))
            {
                throw new StorageException(
                    StorageException.Vanished, $"{from}: is gone, and {to} is not published.", "start over with --restart.");
            }
        }

        Durability.FlushMoved(moved);
    }

    // Those of the Hub were brought into the cache, or into the workspace before the merge began.
    private ImmutableArray<PublishedSideFile> SideFilesOf(Plan plan, SideFileList? listed)
    {
        if (SideFileDirectoryOf(plan) is not { } directory)
        {
            return [];
        }

        return listed is null
            ? [.. OutputSideFiles.Of(plan, SideFileSelection.Select(directory, BoundsOf(plan)), BoundsOf(plan)).Select(file => new PublishedSideFile(file, Listed: null))]
            : [.. listed.In(directory).Zip(listed.Files, (file, was) => new PublishedSideFile(file, was))];
    }

    // What was looked at when it was planned may be a link by now.
    private CheckpointBounds? BoundsOf(Plan plan) => SideFileDirectoryOf(plan) is { } directory ? new CheckpointBounds(directory, roots) : null;

    private string? SideFileDirectoryOf(Plan plan) => plan.SideFileDirectory is { } directory && HubReference.Matches(directory)
        ? hub is null ? paths.RemoteSideFiles : hub.Snapshot(HubCommit.Parse(directory))
        : plan.SideFileDirectory;

    // A variant's folder has one level; side files may have one of their own below it.
    private static string FolderOf(string name)
    {
        int separator = name.IndexOf('/', StringComparison.Ordinal);
        return separator > 0 && Plan.IsVariantFolder(name[..separator]) ? name[..separator] : "";
    }

    private static ImmutableArray<string> NamesInOrder(string[] sideFiles, Plan plan) =>
    [
        .. Enumerable.Range(0, plan.Variants).SelectMany(
            variant => NamesOfVariant(sideFiles, plan, variant).Select(name => InFolder(plan.FolderOf(variant), name))),
    ];

    /// <summary>All names that one variant of this plan publishes into its folder, in their order.</summary>
    internal static ImmutableArray<string> NamesOfVariant(IEnumerable<string> sideFiles, Plan plan, int variant)
    {
        string[] weights = [.. plan.FilesOf(variant).Select(file => file.BaseName)];
        return
        [
            .. sideFiles,
            ModelCardName,
            OutputPaths.ProvenanceName,
            .. weights,
            .. plan.LayoutLength > 1 ? new[] { OutputNames.IndexName(weights) } : [],
        ];
    }

    internal static string InFolder(string folder, string name) => folder.Length == 0 ? name : folder + "/" + name;

    // A name of ours whose source has left the workspace is published already; everything else of a model here is old.
    // The entry point that a loader prefers goes last, so that it never falls back on something older.
    private void MoveOldAway(string folder, Dictionary<string, string> sources)
    {
        OutputPaths variant = paths.Variant(folder);
        if (!Directory.Exists(variant.Root))
        {
            return;
        }

        string replaced = Path.Join(paths.Replaced(job), folder);
        (string From, string To)[] old =
        [
            .. Directory.EnumerateFiles(variant.Root)
                .Select(path => Path.GetFileName(path))
                .Where(SideFileSelection.IsCheckpointFile)
                .Where(name => !sources.TryGetValue(InFolder(folder, name), out string? source) || File.Exists(source))
                .OrderBy(LeavingStepOf)
                .ThenBy(name => name, StringComparer.Ordinal)
                .Select(name => (variant.Published(name), Path.Join(replaced, name))),
        ];
        if (old.Length > 0)
        {
            Durability.CreateDirectory(replaced);
        }

        foreach (IGrouping<int, (string From, string To)> step in old.GroupBy(move => LeavingStepOf(Path.GetFileName(move.From))))
        {
            foreach ((string from, string to) in step)
            {
                rename(from, to);
            }

            Durability.FlushMoved([.. step]);
        }
    }

    // Each entry point is a step of its own; an index of another name is what only some loaders look for.
    private static int LeavingStepOf(string name) => SideFileSelection.EntryPoints.IndexOf(name) is >= 0 and int entryPoint ? entryPoint
        : SideFileSelection.IsEntryPoint(name) ? -1
        : SideFileSelection.IsWeights(name) ? SideFileSelection.EntryPoints.Length
        : SideFileSelection.EntryPoints.Length + 1;

    // What was sealed may have been cut since; what has moved already is not looked at again.
    private static void CheckLength(string source, JobFile file)
    {
        var found = new FileInfo(source);
        if (found.Exists && found.Length != file.ByteLength)
        {
            throw new StorageException(
                StorageException.Damaged,
                $"{source}: was sealed, and is not what was sealed any more (expected {file.ByteLength:N0} bytes, found {found.Length:N0}).",
                "let nothing else write there; begin anew with --restart.");
        }
    }
}
