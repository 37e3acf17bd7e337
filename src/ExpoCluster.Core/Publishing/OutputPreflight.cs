using System.Collections.Immutable;
using System.Text.Json.Nodes;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Files;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Core.Publishing;

/// <summary>What is in an output directory before a merge begins.</summary>
public enum OutputCondition
{
    /// <summary>Nothing that the merge would touch.</summary>
    Free,

    /// <summary>The very output that this plan would make, whole.</summary>
    Finished,

    /// <summary>A finished output of ours, of another plan.</summary>
    OtherPlan,

    /// <summary>Files of a model that somebody else made, or others that the merge would replace.</summary>
    ForeignModel,
}

/// <summary>The questions that are asked of an output directory before anything is written.</summary>
public static class OutputPreflight
{
    public const string InsideInput = "EXPO2081";
    public const string OutputTaken = "EXPO2082";
    public const string OtherPlanInProgress = "EXPO2083";
    public const string InsideWorkspace = "EXPO2095";
    public const string InsideHubCache = "EXPO2096";

    /// <summary>For journal, side files, index and provenance; generous, for it must not be what fails.</summary>
    public const long WorkspaceBytes = 4 << 20;

    /// <summary>An output that is, contains or lies inside an input is never acceptable, not even with --overwrite.</summary>
    public static RecipeProblem? FindOverlap(OutputPaths output, IEnumerable<Checkpoint> inputs)
    {
        foreach (Checkpoint input in inputs)
        {
            IEnumerable<string> places = input.Shards.Where(shard => !shard.IsRemote).Select(shard => shard.Path);
            if (input.Folder.LocalDirectory is { } directory)
            {
                places = places.Prepend(RealPath.Of(directory));
            }

            if (places.FirstOrDefault(place => Overlap(output.Root, place)) is { } hit)
            {
                return new RecipeProblem(
                    InsideInput,
                    "--out",
                    $"{output.Root} is, contains or lies inside the input {hit}.",
                    "choose an output directory apart from the inputs.");
            }
        }

        return null;
    }

    /// <summary>An output among what is not the user's to arrange: another output's work, which goes when that is done, or the Hub's cache.</summary>
    /// <param name="output">The output directory.</param>
    /// <param name="hubCache">Where the cache is, through links or not; null where nobody knows.</param>
    public static RecipeProblem? FindMisplaced(OutputPaths output, string? hubCache)
    {
        if (output.Root.Split(Path.DirectorySeparatorChar).Contains(OutputPaths.WorkspaceName))
        {
            return new RecipeProblem(
                InsideWorkspace,
                "--out",
                $"{output.Root} lies in {OutputPaths.WorkspaceName}, where the unfinished work of another output is kept and removed.",
                "choose another output directory.");
        }

        if (OutputPlace.FindOwnName(output) is { } name)
        {
            return new RecipeProblem(
                InsideWorkspace, "--out", $"{output.Root} has a name that the program gives to a file of its own, {name}.", "choose another output directory.");
        }

        string? cache = hubCache is null ? null : RealPath.Of(hubCache);
        bool isInside = cache is not null && RealPath.IsInside(output.Root, cache);
        return isInside || HubCache.IsInModel(output.Root)
            ? new RecipeProblem(
                InsideHubCache,
                "--out",
                $"{output.Root} lies in {(isInside ? "the Hub's cache " + cache : "a model of a cache of the Hub")}, which other programs read and clear.",
                "choose another output directory.")
            : null;
    }

    /// <summary>Looks at the output directory, or in a sweep at those of all variants.</summary>
    /// <param name="output">The output directory.</param>
    /// <param name="merge">What would be written there.</param>
    /// <param name="recipe">What was asked for. Where it names commits of the Hub, it tells as much as the plan, which also depends
    /// on what the cache has.</param>
    public static OutputCondition Inspect(OutputPaths output, PlannedMerge merge, Recipe recipe) =>
        Inspect(output, merge.Plan, [.. merge.SideFileNames], merge.Pinned(recipe));

    internal static OutputCondition Inspect(OutputPaths output, Plan plan) => Inspect(
        output,
        plan,
        plan.SideFileDirectory is { } directory && !HubReference.Matches(directory) ? [.. OutputSideFiles.Of(plan, SideFileSelection.Select(directory), bounds: null).Select(file => file.RelativePath)] : [],
        recipe: null);

    private static OutputCondition Inspect(OutputPaths output, Plan plan, ImmutableArray<string> sideFiles, Recipe? recipe)
    {
        OutputCondition[] conditions =
        [
            .. Enumerable.Range(0, plan.Variants).Select(variant => InspectVariant(
                output.Variant(plan.FolderOf(variant)), plan, sideFiles, recipe?.OfVariant(variant))),
        ];

        // Some of a sweep's outputs alone are not what was asked for, but replacing them takes a word.
        return conditions.All(condition => condition == OutputCondition.Finished) ? OutputCondition.Finished
            : conditions.Contains(OutputCondition.ForeignModel) ? OutputCondition.ForeignModel
            : conditions.All(condition => condition == OutputCondition.Free) ? OutputCondition.Free
            : OutputCondition.OtherPlan;
    }

    private static OutputCondition InspectVariant(
        OutputPaths output, Plan plan, ImmutableArray<string> sideFiles, Recipe? recipe)
    {
        try
        {
            return InspectRecord(output, plan, sideFiles, recipe);
        }
        catch (ProvenanceException)
        {
            // It cannot be said whose output this is; with --overwrite it can still be replaced.
            return OutputCondition.ForeignModel;
        }
#pragma warning disable CA1031 // A record is a file that anybody may have written: whatever its values lead to, it is none of ours.
        catch (Exception exception) when (exception is not (ExpoException or IOException or UnauthorizedAccessException))
#pragma warning restore CA1031
        {
            return OutputCondition.ForeignModel;
        }
    }

    private static OutputCondition InspectRecord(
        OutputPaths output, Plan plan, ImmutableArray<string> sideFiles, Recipe? recipe)
    {
        Provenance? provenance = Provenance.ReadFrom(output);
        if (provenance is not null && provenance.Files.All(file => HasLength(output, file)))
        {
            bool isOfPlan = provenance.PlanDigest == plan.Digest || (recipe is not null && IsOf(recipe, plan, provenance));
            return isOfPlan && provenance.Published.All(name => File.Exists(output.Published(name)))
                ? OutputCondition.Finished
                : OutputCondition.OtherPlan;
        }

        return Directory.Exists(output.Root) && HasModel(output, plan, sideFiles) ? OutputCondition.ForeignModel : OutputCondition.Free;
    }

    private static bool IsOf(Recipe recipe, Plan plan, Provenance provenance) =>
        HubReference.Matches(recipe.Base)
        && HubReference.Matches(recipe.Aligned)
        && provenance.NumericsVersion == plan.NumericsVersion
        && JsonNode.DeepEquals(provenance.Recipe, JsonNode.Parse(ModelName.PublicForm(recipe).ToCanonicalJson()));

    /// <summary>Why the directory is refused without --overwrite.</summary>
    public static RecipeProblem Taken(OutputPaths output, OutputCondition condition) => new(
        OutputTaken,
        "--out",
        condition == OutputCondition.ForeignModel ? $"{output.Root} holds another model, or files that would be replaced." : $"{output.Root} holds the output of another merge.",
        condition == OutputCondition.ForeignModel
            ? "use --overwrite to replace it, or choose another --out."
            : "use --overwrite or --restart to replace it, or choose another --out.");

    /// <summary>Throws when the output does not fit the free space, or the storage does not keep its promises.</summary>
    /// <param name="output">Where the output goes.</param>
    /// <param name="plan">What is to be written.</param>
    /// <param name="alreadyReserved">Bytes that an earlier run of this plan has reserved there.</param>
    public static void CheckStorage(OutputPaths output, Plan plan, long alreadyReserved) =>
        CheckStorage(output, new OutputNeeds(plan.OutputByteCount, BesideBytes: 0, WorkspaceBytes, Inodes: 0), alreadyReserved);

    /// <summary>Throws when the output does not fit the free space, or the storage does not keep its promises.</summary>
    /// <param name="output">Where the output goes.</param>
    /// <param name="needs">What it takes there.</param>
    /// <param name="alreadyReserved">Bytes that an earlier run of this plan has reserved there.</param>
    public static void CheckStorage(OutputPaths output, OutputNeeds needs, long alreadyReserved)
    {
        FileSystemFacts facts = FileSystemFacts.Of(output.Root);
        if (!facts.KeepsPromises)
        {
            throw new StorageException(
                StorageException.Unsuitable,
                $"{output.Root}: {facts.Kind} offers no atomic rename or no durable writes.",
                "choose an --out on a local file system, NFSv4.1+, CephFS or Lustre.");
        }

        if (alreadyReserved == 0)
        {
            CheckInodes(output, needs, facts);
        }

        long needed = needs.Bytes - alreadyReserved;
        if (needed > facts.FreeBytes)
        {
            throw StorageException.TooSmall(output.Root, needed, facts.FreeBytes);
        }
    }

    /// <summary>Throws when the file system cannot take so many files, which no other job's end changes.</summary>
    /// <exception cref="StorageException">It has too few inodes left.</exception>
    public static void CheckInodes(OutputPaths output, OutputNeeds needs) => CheckInodes(output, needs, FileSystemFacts.Of(output.Root));

    private static void CheckInodes(OutputPaths output, OutputNeeds needs, FileSystemFacts facts)
    {
        if (needs.Inodes > facts.FreeInodes)
        {
            throw StorageException.TooFewInodes(output.Root, needs.Inodes, facts.FreeInodes.Value);
        }
    }

    /// <summary>Holds room for what is published beside the weights, until <see cref="PublishSequence.Prepare"/> needs it.</summary>
    /// <remarks>Nothing else tells a quota, and nothing else keeps others from taking the room while the weights are computed.</remarks>
    /// <exception cref="StorageException">There is no room, or no quota.</exception>
    public static void HoldRoom(OutputPaths output, OutputNeeds needs)
    {
        FileSystemFacts facts = FileSystemFacts.Of(output.Workspace);
        if (!facts.KeepsIdentities)
        {
            new StorageProbe().Check(output.Workspace, facts.Kind);
        }

        try
        {
            using SafeFileHandle room = RegularFile.OpenToWrite(output.Room, create: true);
            StagingFile.Reserve(room, output.Room, needs.BesideBytes);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw StorageException.From(exception, output.Room, $"reserve {needs.BesideBytes:N0} bytes");
        }
    }

    private static bool HasLength(OutputPaths output, ProvenanceFile file) =>
        new FileInfo(output.Published(file.Name)) is { Exists: true } info && info.Length == file.Bytes;

    private static bool HasModel(OutputPaths output, Plan plan, ImmutableArray<string> sideFiles)
    {
        // Also a README or a licence that has nothing to do with models: publishing would replace it.
        return PublishSequence.NamesOfVariant(sideFiles, plan, variant: 0).Append(ConfigFacts.FileName).Any(name => File.Exists(output.Published(name)))
            || Directory.EnumerateFiles(output.Root).Any(path => SideFileSelection.IsWeights(Path.GetFileName(path)));
    }

    // By device and inode, so that links, bind mounts and other spellings of one place are seen through.
    private static bool Overlap(string output, string input)
    {
        if (RealPath.IsInside(output, input) || RealPath.IsInside(input, output))
        {
            return true;
        }

        FileIdentity? outputIdentity = FileIdentity.Of(output);
        FileIdentity? inputIdentity = FileIdentity.Of(input);
        return Ancestors(input).Any(place => IsSame(FileIdentity.Of(place), outputIdentity))
            || Ancestors(output).Any(place => IsSame(FileIdentity.Of(place), inputIdentity));
    }

    private static bool IsSame(FileIdentity? one, FileIdentity? other) =>
        one is { } a && other is { } b && a.Device == b.Device && a.Inode == b.Inode;

    private static IEnumerable<string> Ancestors(string path)
    {
        for (string? place = path; place is not null; place = Path.GetDirectoryName(place))
        {
            yield return place;
        }
    }
}
