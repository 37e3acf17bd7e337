using System.Collections.Immutable;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Core.Planning;

/// <summary>A plan, and what a user should know about it.</summary>
/// <param name="Plan">What will be computed.</param>
/// <param name="Notes">Sentences: tensors that were dropped or taken from aligned, files that were ignored.</param>
/// <param name="Base">As it was opened.</param>
/// <param name="Aligned">As it was opened.</param>
public sealed record PlannedMerge(Plan Plan, ImmutableArray<string> Notes, Checkpoint Base, Checkpoint Aligned)
{
    /// <summary>What goes along with the weights, where it is in a directory of this machine.</summary>
    internal ImmutableArray<SideFile> SideFiles { get; init; } = [];

    /// <summary>The recipe with references that mean these very files, whatever becomes of a branch.</summary>
    public Recipe Pinned(Recipe recipe) => recipe with { Base = Base.PinnedReference, Aligned = Aligned.PinnedReference };
}

/// <summary>Resolves a recipe against the headers of its checkpoints.</summary>
public static class Planner
{
    // Rotary frequencies are derived from the configuration; loaders ignore or reject them.
    private const string KnownBuffer = "*.rotary_emb.inv_freq";

    /// <summary>Opens both checkpoints (headers only) and plans.</summary>
    /// <exception cref="CheckpointException">A checkpoint cannot be read.</exception>
    /// <exception cref="PlanningException">The two do not fit each other and the recipe does not say what to do then.</exception>
    /// <exception cref="UsageException">The recipe does not say with which alpha a tensor is extrapolated.</exception>
    /// <param name="recipe">What to merge.</param>
    /// <param name="hub">Where models of the Hub are looked for; null for what the process's environment says.</param>
    /// <param name="work">How much it may take, and who ends it; null for nobody.</param>
    /// <param name="roots">Below which files of directories must lie; null for everywhere.</param>
    public static PlannedMerge Plan(Recipe recipe, HubSession? hub = null, PlanningWork? work = null, StorageRoots? roots = null)
    {
        work ??= PlanningWork.Unhurried();
        Checkpoint baseCheckpoint = Checkpoint.Open(recipe.Base, hub, work, roots);
        Checkpoint aligned = Checkpoint.Open(recipe.Aligned, hub, work, roots);
        return Plan(recipe, baseCheckpoint, aligned, work, roots);
    }

    /// <summary>Plans for two checkpoints that are open already.</summary>
    public static PlannedMerge Plan(
        Recipe recipe, Checkpoint baseCheckpoint, Checkpoint aligned, PlanningWork? work = null, StorageRoots? roots = null)
    {
        work ??= PlanningWork.Unhurried();
        (baseCheckpoint, aligned, ImmutableArray<string> namingNotes) = TensorNaming.Apply(recipe, baseCheckpoint, aligned, work);
        var inputs = new InputList(aligned, baseCheckpoint);
        var join = new TensorJoin(recipe, baseCheckpoint, aligned, inputs, work);
        ImmutableArray<PlannedTensor> tensors = join.Run();
        ImmutableArray<PlannedFile> layout = OutputLayout.Arrange(recipe.MaxShardBytes, aligned, tensors);
        ImmutableArray<SideFile> sideFiles = CheckSideFiles(aligned, roots);
        var plan = new Plan(
            ExpoKernel.NumericsVersion,
            recipe.Method,
            recipe.Numerics,
            inputs.Inputs,
            aligned.Directory,
            recipe.Sweep.IsEmpty ? layout : [.. recipe.Sweep.SelectMany(alpha => layout.Select(file => file.ForVariant(alpha)))],
            Math.Max(1, recipe.Sweep.Length),
            recipe.Numerics == Numerics.Stochastic ? recipe.Seed : 0);
        return new PlannedMerge(plan, [.. baseCheckpoint.Notes, .. aligned.Notes, .. namingNotes, .. join.Notes], baseCheckpoint, aligned)
        {
            SideFiles = sideFiles,
        };
    }

    // They are copied when the output is published; what is wrong with them should not wait until then.
    private static ImmutableArray<SideFile> CheckSideFiles(Checkpoint aligned, StorageRoots? roots)
    {
        if (aligned.Folder.ReadRemoteSideFile(ConfigJson.FileName) is { } remote)
        {
            ConfigJson.WithDtype(remote, Dtype.BF16);
        }

        if (aligned.Folder.LocalDirectory is not { } directory)
        {
            return [];
        }

        var bounds = new CheckpointBounds(directory, aligned.Folder is HubFolder ? null : roots);
        ImmutableArray<SideFile> files = SideFileSelection.Select(directory, bounds);
        foreach (SideFile file in files.Where(file => file.RelativePath == ConfigJson.FileName))
        {
            ConfigJson.WithDtype(SideFileSelection.Read(file, bounds), Dtype.BF16);
        }

        return files;
    }

    internal static bool IsKnownBuffer(string tensor) => Glob.Matches(KnownBuffer, tensor);

    /// <summary>All shards of both checkpoints, aligned's first; a shard that both use is listed once.</summary>
    internal sealed class InputList
    {
        private readonly Dictionary<string, int> byPath = new(StringComparer.Ordinal);
        private readonly ImmutableArray<PlanInput>.Builder inputs = ImmutableArray.CreateBuilder<PlanInput>();

        public InputList(Checkpoint aligned, Checkpoint baseCheckpoint)
        {
            foreach (CheckpointShard shard in aligned.Shards.Concat(baseCheckpoint.Shards))
            {
                if (byPath.TryAdd(shard.Path, inputs.Count))
                {
                    inputs.Add(new PlanInput(shard.Path, shard.ByteLength, shard.ModifiedUnixNanoseconds, shard.Header.Digest));
                }
            }
        }

        public ImmutableArray<PlanInput> Inputs => inputs.ToImmutable();

        public TensorSource SourceOf(Checkpoint checkpoint, CheckpointTensor tensor) =>
            new(byPath[checkpoint.Shards[tensor.Shard].Path], tensor.Offset, tensor.Dtype) { Strides = tensor.Strides };
    }
}
