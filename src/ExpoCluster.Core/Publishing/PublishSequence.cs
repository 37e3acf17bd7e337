using System.Collections.Immutable;
using System.Text;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Publishing;

/// <summary>Makes a finished merge visible, so that a loader sees the old model, none, or the new one, never a mixture.</summary>
/// <remarks>
/// First everything is made ready in the workspace (<see cref="Prepare"/>). Then old files move away, the entry point first,
/// and new ones move in, the entry point last (<see cref="Publish"/>). Each step tolerates that it is already done: a new file
/// that is no longer in the workspace is in its place.
/// </remarks>
public sealed class PublishSequence
{
    private const string Index = CheckpointLocation.IndexFileName;

    private const string ModelCardName = "README.md";

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
        : this(paths, job, Durability.Rename)
    {
        this.hub = hub;
        this.roots = roots;
    }

    /// <param name="paths">The output directory.</param>
    /// <param name="job">Whose output it is.</param>
    /// <param name="rename">Moves a file and makes both names durable.</param>
    internal PublishSequence(OutputPaths paths, string job, Action<string, string> rename)
    {
        this.paths = paths;
        this.job = job;
        this.rename = rename;
    }

    /// <summary>Writes side files, model cards, indexes and provenance into the workspace.</summary>
    /// <returns>All names to publish, in their order: in a sweep, variant after variant, each with its folder.</returns>
    public ImmutableArray<string> Prepare(Plan plan, Recipe recipe, ImmutableArray<JobFileState> files, string version)
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

        ImmutableArray<SideFile> sideFiles = SideFilesOf(plan);
        for (int variant = 0; variant < plan.Variants; variant++)
        {
            ImmutableArray<JobFileState> ofVariant = [.. files.Skip(variant * plan.LayoutLength).Take(plan.LayoutLength)];
            PrepareVariant(plan, variant, recipe.OfVariant(variant), sideFiles, ofVariant, version);
        }

        return NamesInOrder(sideFiles, plan);
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

            foreach (string name in variant)
            {
                MoveIn(sources[name], paths.Published(name));
            }
        }
    }

    /// <summary>All names that one variant of this plan publishes into its folder, in their order.</summary>
    internal static ImmutableArray<string> NamesOfVariant(Plan plan, ImmutableArray<string> remoteSideFiles) =>
        [.. NamesOfVariant(LocalSideFilesOf(plan), plan, variant: 0), .. remoteSideFiles];

    private static ImmutableArray<SideFile> LocalSideFilesOf(Plan plan) =>
        plan.SideFileDirectory is { } directory && !HubReference.Matches(directory) ? SideFileSelection.Select(directory) : [];

    // Those of the Hub were brought into the cache, or into the workspace before the merge began.
    private ImmutableArray<SideFile> SideFilesOf(Plan plan) =>
        SideFileDirectoryOf(plan) is { } directory ? SideFileSelection.Select(directory, BoundsOf(plan)) : [];

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

    private static ImmutableArray<string> NamesInOrder(ImmutableArray<SideFile> sideFiles, Plan plan) =>
    [
        .. Enumerable.Range(0, plan.Variants).SelectMany(
            variant => NamesOfVariant(sideFiles, plan, variant).Select(name => InFolder(plan.FolderOf(variant), name))),
    ];

    private static ImmutableArray<string> NamesOfVariant(ImmutableArray<SideFile> sideFiles, Plan plan, int variant)
    {
        IEnumerable<string> weights = plan.FilesOf(variant).Select(file => file.BaseName);
        return
        [
            .. sideFiles.Where(file => GoesAlong(file, plan)).Select(file => file.RelativePath),
            ModelCardName,
            OutputPaths.ProvenanceName,
            .. weights,
            .. plan.LayoutLength > 1 ? new[] { Index } : [],
        ];
    }

    private static bool GoesAlong(SideFile file, Plan plan) => file.RelativePath != MistralFormat.ParametersName || MistralFormat.IsOf(plan);

    private static string InFolder(string folder, string name) => folder.Length == 0 ? name : folder + "/" + name;

    private void PrepareVariant(
        Plan plan, int variant, Recipe recipe, ImmutableArray<SideFile> sideFiles, ImmutableArray<JobFileState> files, string version)
    {
        string prepared = Path.Join(paths.Prepared(job), plan.FolderOf(variant));
        Durability.CreateDirectory(prepared);
        foreach (SideFile file in sideFiles.Where(file => GoesAlong(file, plan)))
        {
            PrepareSideFile(plan, recipe, file, Path.Join(prepared, file.RelativePath));
        }

        string card = ModelCard.Render(new ModelCardFacts(recipe, plan.MainDtype?.Name() ?? "mixed", version) { Coverage = Coverage.Of(plan) });
        Durability.WriteWhole(Path.Join(prepared, ModelCardName), Encoding.UTF8.GetBytes(card));
        if (plan.LayoutLength > 1)
        {
            Durability.WriteWhole(Path.Join(prepared, Index), EncodeIndex(plan));
        }

        ImmutableArray<string> names = NamesOfVariant(sideFiles, plan, variant);
        var provenance = Provenance.Of(plan, variant, recipe, files, names, version);
        if (recipe.Strict && NotFiniteTensors.Of(provenance.Statistics) is { IsEmpty: false } found)
        {
            throw new NotFiniteException(found);
        }

        Durability.WriteWhole(Path.Join(prepared, OutputPaths.ProvenanceName), provenance.ToJson());
    }

    private static byte[] EncodeIndex(Plan plan) => WeightIndex.Encode(
        plan.Layout.Sum(file => file.Tensors.Sum(tensor => tensor.Entry.ByteCount)),
        plan.Layout.SelectMany(file => file.Tensors.Select(tensor => KeyValuePair.Create(tensor.Entry.Name, file.BaseName))));

    private void PrepareSideFile(Plan plan, Recipe recipe, SideFile file, string target)
    {
        Durability.CreateDirectory(Path.GetDirectoryName(target)!);
        byte[] content = SideFileSelection.Read(file, BoundsOf(plan));
        bool isConfig = file.RelativePath == ConfigJson.FileName;
        Durability.WriteWhole(target, isConfig ? ConfigJson.With(content, ConfigChanges.Of(plan, recipe)) : content);
    }

    // A name of ours whose source has left the workspace is published already; everything else of a model here is old.
    // The entry point that a loader prefers goes last, so that it never falls back on something older.
    private void MoveOldAway(string folder, Dictionary<string, string> sources)
    {
        OutputPaths variant = paths.Variant(folder);
        if (!Directory.Exists(variant.Root))
        {
            return;
        }

        string[] old =
        [
            .. Directory.EnumerateFiles(variant.Root)
                .Select(path => Path.GetFileName(path))
                .Where(SideFileSelection.IsCheckpointFile)
                .Where(name => !sources.TryGetValue(InFolder(folder, name), out string? source) || File.Exists(source))
                .OrderByDescending(SideFileSelection.IsEntryPoint)
                .ThenBy(name => SideFileSelection.EntryPoints.IndexOf(name))
                .ThenByDescending(SideFileSelection.IsWeights)
                .ThenBy(name => name, StringComparer.Ordinal),
        ];
        if (old.Length == 0)
        {
            return;
        }

        string replaced = Path.Join(paths.Replaced(job), folder);
        Durability.CreateDirectory(replaced);
        foreach (string name in old)
        {
            rename(variant.Published(name), Path.Join(replaced, name));
        }
    }

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

    private void MoveIn(string source, string target)
    {
        if (File.Exists(source))
        {
            Durability.CreateDirectory(Path.GetDirectoryName(target)!);
            rename(source, target);
        }
        else if (!File.Exists(target))
        {
            throw new StorageException(
                StorageException.Vanished, $"{source}: is gone, and {target} is not published.", "start over with --restart.");
        }
    }
}
