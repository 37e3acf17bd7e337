using System.Collections.Immutable;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Methods;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning.Warnings;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Core.Planning;

/// <summary>A plan, and what a user should know about it.</summary>
/// <param name="Plan">What will be computed.</param>
/// <param name="Notes">Sentences: tensors that were dropped or taken from aligned, files that were ignored.</param>
/// <param name="Base">As it was opened.</param>
/// <param name="Aligned">As it was opened.</param>
public sealed record PlannedMerge(Plan Plan, ImmutableArray<string> Notes, Checkpoint Base, Checkpoint Aligned)
{
    /// <summary>What speaks against the merge, though it can be done.</summary>
    public ImmutableArray<PlanWarning> Warnings { get; init; } = [];

    /// <summary>How much of the output is computed.</summary>
    public Coverage Coverage { get; } = Coverage.Of(Plan);

    /// <summary>What goes along with the weights, where it is in a directory of this machine.</summary>
    internal ImmutableArray<SideFile> SideFiles { get; init; } = [];

    /// <summary>Throws where inputs cannot be read straight from the Hub.</summary>
    /// <exception cref="ExpoCluster.Tensors.TensorFileException">A tensor is a view of a PyTorch file there.</exception>
    public void DemandStreams() => StridedInput.DemandLocal(Plan);

    /// <summary>The same for whoever carries it out: the plan says where each tensor is.</summary>
    public PlannedMerge WithoutTensors() => this with { Base = Base.WithoutTensors(), Aligned = Aligned.WithoutTensors() };

    /// <summary>What goes along with the weights, wherever it is.</summary>
    internal IEnumerable<string> SideFileNames => SideFiles.Select(file => file.RelativePath).Concat(RemoteSideFiles);

    /// <summary>What goes along with the weights and is still at the Hub.</summary>
    internal ImmutableArray<string> RemoteSideFiles { get; init; } = [];

    /// <summary>The side files as they are now, which reads them; null where aligned has none.</summary>
    /// <param name="roots">Below which files of directories must lie; null for everywhere.</param>
    /// <exception cref="CheckpointException">One of them has changed since the merge was planned, or cannot be read.</exception>
    public SideFileList? ListSideFiles(StorageRoots? roots = null) => Aligned.Folder switch
    {
        HubFolder { LocalDirectory: null } hub => SideFileList.OfRemote(hub.ListedSideFiles.Where(file => RemoteSideFiles.Contains(file.Name))),
        { LocalDirectory: { } directory } folder => SideFileList.Of(SideFiles, new CheckpointBounds(directory, folder is HubFolder ? null : roots)),
        _ => null,
    };

    /// <summary>The recipe with references that mean these very files, whatever becomes of a branch.</summary>
    public Recipe Pinned(Recipe recipe) => recipe with { Base = Base.PinnedReference, Aligned = Aligned.PinnedReference };
}

/// <summary>Resolves a recipe against the headers of its checkpoints.</summary>
public static class Planner
{
    /// <summary>Opens both checkpoints (headers only) and plans.</summary>
    /// <exception cref="CheckpointException">A checkpoint cannot be read.</exception>
    /// <exception cref="PlanningException">The two do not fit each other and the recipe does not say what to do then.</exception>
    /// <exception cref="UsageException">The recipe does not say with which alpha a tensor is extrapolated.</exception>
    /// <param name="recipe">What to merge.</param>
    /// <param name="hub">Where models of the Hub are looked for; null for what the process's environment says.</param>
    /// <param name="work">How much it may take, and who ends it; null for nobody.</param>
    /// <param name="roots">Below which files of directories must lie; null for everywhere.</param>
    /// <param name="options">How it is planned; null for as usual.</param>
    public static PlannedMerge Plan(Recipe recipe, HubSession? hub = null, PlanningWork? work = null, StorageRoots? roots = null, PlanOptions? options = null)
    {
        work ??= PlanningWork.Unhurried();
        Checkpoint baseCheckpoint = Checkpoint.Open(recipe.Base, hub, work, roots);
        Checkpoint aligned = Checkpoint.Open(recipe.Aligned, hub, work, roots);
        return Plan(recipe, baseCheckpoint, aligned, work, roots, options);
    }

    /// <summary>Plans for two checkpoints that are open already.</summary>
    public static PlannedMerge Plan(
        Recipe recipe, Checkpoint baseCheckpoint, Checkpoint aligned, PlanningWork? work = null, StorageRoots? roots = null, PlanOptions? options = null)
    {
        work ??= PlanningWork.Unhurried();
        options ??= new PlanOptions();
        aligned = options.IsComparison ? aligned : PromisedStrays.Settle(recipe, baseCheckpoint, aligned, work);
        (baseCheckpoint, aligned, ImmutableArray<string> namingNotes) = TensorNaming.Apply(recipe, baseCheckpoint, aligned, work);
        ImmutableHashSet<string> kept = options.IsComparison ? [] : new Refusals(recipe, baseCheckpoint, aligned, work).Check();

        RequirementCheck.Check(recipe.Requires, baseCheckpoint, aligned);
        var inputs = new InputList(aligned, baseCheckpoint);
        var join = new TensorJoin(recipe, baseCheckpoint, aligned, inputs, work) { KeptByName = kept, IsOfFirstVersion = options.IsOfFirstVersion };
        ImmutableArray<PlannedTensor> tensors = join.Run();
        if (!options.IsComparison)
        {
            CoverageRule.Check(recipe, baseCheckpoint, aligned, tensors, work);
        }

        ImmutableArray<PlanWarning> warnings = WarningsOf(recipe, baseCheckpoint, aligned, tensors, options, work, roots);
        ImmutableArray<PlannedFile> layout = OutputLayout.Arrange(recipe.MaxShardBytes, aligned, tensors);
        var plan = new Plan(
            MergeMethods.Find(recipe.Method)!.NumericsVersion,
            recipe.Method,
            recipe.Numerics,
            inputs.Inputs,
            aligned.Directory,
            recipe.Sweep.IsEmpty ? layout : [.. recipe.Sweep.SelectMany(alpha => layout.Select(file => file.ForVariant(alpha)))],
            Math.Max(1, recipe.Sweep.Length),
            recipe.Numerics == Numerics.Stochastic ? recipe.Seed : 0,
            inputs.OfAligned);
        SideFileChoice sideFiles = CheckSideFiles(plan, aligned, roots);
        return new PlannedMerge(plan, [.. recipe.Notes, .. NotesOf(baseCheckpoint, aligned), .. namingNotes, .. join.Notes, .. sideFiles.Notes], baseCheckpoint, aligned)
        {
            SideFiles = sideFiles.Local,
            RemoteSideFiles = sideFiles.Remote,
            Warnings = warnings,
        };
    }

    private static ImmutableArray<PlanWarning> WarningsOf(
        Recipe recipe, Checkpoint baseCheckpoint, Checkpoint aligned, ImmutableArray<PlannedTensor> tensors, PlanOptions options, PlanningWork work, StorageRoots? roots)
    {
        PairSample? sample = options.TakesSample && !options.IsComparison ? PairSample.Of(baseCheckpoint, aligned, tensors, work) : null;
        ImmutableArray<PlanWarning> warnings =
            [.. WarningOfPart("base", baseCheckpoint, roots), .. WarningOfPart("aligned", aligned, roots), .. PairWarnings.Find(recipe, baseCheckpoint, aligned, tensors, sample)];
        return recipe.Strict && !warnings.IsEmpty ? throw new PlanningException([.. warnings.Select(warning => warning.AsProblem())]) : warnings;
    }

    // What holds of both is said once, and of which it is said.
    private static IEnumerable<string> NotesOf(Checkpoint baseCheckpoint, Checkpoint aligned)
    {
        string[] both = [.. baseCheckpoint.Notes.Intersect(aligned.Notes, StringComparer.Ordinal)];
        return [.. both.Select(note => $"base and aligned: {note}"), .. baseCheckpoint.Notes.Except(both, StringComparer.Ordinal), .. aligned.Notes.Except(both, StringComparer.Ordinal)];
    }

    private static IEnumerable<PlanWarning> WarningOfPart(string side, Checkpoint checkpoint, StorageRoots? roots)
    {
        if (PartOfModel.WhyOf(checkpoint, roots) is { } why)
        {
            yield return new PlanWarning(
                PlanWarning.PartOfModel,
                $"{side} ({Printable.Of(checkpoint.Reference)}) is a part of a model: {why}. The output has no more than this part.",
                "give the directory of the whole model; parts without an index are put together by the program that wrote them.");
        }
    }

    // They are copied when the output is published; what is wrong with them should not wait until then.
    private static SideFileChoice CheckSideFiles(Plan plan, Checkpoint aligned, StorageRoots? roots)
    {
        if (aligned.Folder.LocalDirectory is not { } directory)
        {
            return CheckRemoteSideFiles(plan, aligned.Folder);
        }

        var notes = ImmutableArray.CreateBuilder<string>();
        var bounds = new CheckpointBounds(directory, aligned.Folder is HubFolder ? null : roots);
        ImmutableArray<SideFile> selected = SideFileSelection.Select(directory, bounds);
        foreach (SideFile file in selected.Where(file => OutputSideFiles.LookedInto.Contains(file.RelativePath)))
        {
            notes.AddRange(OutputSideFiles.NotesOn(plan, file.RelativePath, SideFileSelection.Read(file, bounds)));
        }

        notes.AddRange(ModuleFolders.NotesOn(directory, selected));
        return new SideFileChoice(OutputSideFiles.Of(plan, selected, bounds), [], notes.ToImmutable());
    }

    private static SideFileChoice CheckRemoteSideFiles(Plan plan, CheckpointFolder folder)
    {
        var notes = ImmutableArray.CreateBuilder<string>();
        ImmutableArray<string> chosen = folder.RemoteSideFiles;
        foreach (string name in OutputSideFiles.LookedInto)
        {
            if (folder.ReadRemoteSideFile(name) is { } content)
            {
                notes.AddRange(OutputSideFiles.NotesOn(plan, name, content));
                chosen = OutputSideFiles.IsLeftOut(plan, name, () => content) ? chosen.Remove(name) : chosen;
            }
        }

        return new SideFileChoice([], chosen, notes.ToImmutable());
    }

    /// <summary>All shards of both checkpoints, aligned's first; a shard that both use is listed once.</summary>
    internal sealed class InputList
    {
        private readonly Dictionary<string, int> byPath = new(StringComparer.Ordinal);
        private readonly ImmutableArray<PlanInput>.Builder inputs = ImmutableArray.CreateBuilder<PlanInput>();

        public InputList(Checkpoint aligned, Checkpoint baseCheckpoint)
        {
            Add(aligned.Shards);
            OfAligned = inputs.Count;
            Add(baseCheckpoint.Shards);
        }

        /// <summary>How many of them are aligned's.</summary>
        public int OfAligned { get; }

        public ImmutableArray<PlanInput> Inputs => inputs.ToImmutable();

        private void Add(ImmutableArray<CheckpointShard> shards)
        {
            foreach (CheckpointShard shard in shards.Where(shard => byPath.TryAdd(shard.Path, inputs.Count)))
            {
                inputs.Add(new PlanInput(shard.Path, shard.ByteLength, shard.ModifiedUnixNanoseconds, shard.Header.Digest));
            }
        }

        public TensorSource SourceOf(Checkpoint checkpoint, CheckpointTensor tensor) =>
            new(byPath[checkpoint.Shards[tensor.Shard].Path], tensor.Offset, tensor.Dtype) { Strides = tensor.Strides };
    }

    /// <summary>The side files of an output: those of a local directory, those at the Hub, and what a user should know of them.</summary>
    private sealed record SideFileChoice(ImmutableArray<SideFile> Local, ImmutableArray<string> Remote, ImmutableArray<string> Notes);
}
