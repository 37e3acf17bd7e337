using System.Collections.Immutable;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Core.Methods;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Core.Planning;

/// <summary>Joins the tensors of two checkpoints by name and decides for each how its output comes about.</summary>
internal sealed class TensorJoin(Recipe recipe, Checkpoint baseCheckpoint, Checkpoint aligned, Planner.InputList inputs, PlanningWork work)
{
    private readonly LayerDepths depths = new(aligned.Tensors.Keys);
    private readonly List<PlanProblem> problems = [];
    private readonly JoinNotes notes = new();
    private readonly List<string> overlooked = [];
    private readonly List<(string Copy, string Original)> copies = [];

    /// <summary>Names of tensors that are never computed, for the recipe names them and what becomes of them.</summary>
    public ImmutableHashSet<string> KeptByName { get; init; } = [];

    /// <inheritdoc cref="PlanOptions.IsOfFirstVersion"/>
    public bool IsOfFirstVersion { get; init; }

    /// <summary>Filled by <see cref="Run"/>.</summary>
    public IEnumerable<string> Notes =>
        [.. notes.Sentences, .. overlooked, .. IdlePatterns().Select(pattern => $"alpha: '{Printable.Of(pattern)}' decides about no tensor")];

    /// <summary>The output's tensors, with offsets still to be assigned, ordered by name.</summary>
    public ImmutableArray<PlannedTensor> Run()
    {
        var planned = ImmutableArray.CreateBuilder<PlannedTensor>(aligned.Tensors.Count);
        foreach (CheckpointTensor tensor in aligned.Tensors.Values.OrderBy(tensor => tensor.Name, StringComparer.Ordinal))
        {
            work.Continue();
            if (Join(tensor) is { } output)
            {
                planned.Add(output);
            }
        }

        AddCopies(planned);
        NoteTensorsOnlyInBase();
        if (problems.Count > 0)
        {
            throw Mismatches.Explain([.. problems], baseCheckpoint, aligned, work);
        }

        overlooked.AddRange(Mismatches.Overlooked(recipe, baseCheckpoint, aligned, work));

        return planned.Count > 0
            ? planned.ToImmutable()
            : throw new PlanningException([PlanProblem.NothingToMerge(recipe)]);
    }

    // Most often a slip of the pen, which would otherwise show in nothing but the weights.
    private IEnumerable<string> IdlePatterns()
    {
        if (recipe.Alpha is not AlphaRule.ByPattern { Patterns: var patterns })
        {
            return [];
        }

        HashSet<TensorPattern<double>?> deciding = new(aligned.Tensors.Keys.Select(tensor => patterns.Find(tensor, work)), ReferenceEqualityComparer.Instance);
        return patterns.Entries.Where(entry => !deciding.Contains(entry)).Select(entry => entry.Match);
    }

    private PlannedTensor? Join(CheckpointTensor tensor)
    {
        if (DerivedBuffers.IsNeverKept(tensor.Name))
        {
            notes.Add(JoinNotes.Fate.DroppedBuffer, tensor.Name);
            return null;
        }

        if (KeptByName.Contains(tensor.Name))
        {
            return Mismatch(tensor, PlanProblem.OnlyInAligned(tensor.Name, recipe));
        }

        if (!baseCheckpoint.Tensors.TryGetValue(tensor.Name, out CheckpointTensor? other))
        {
            return MayBeOnOneSide(tensor) ? TakeBuffer(tensor) : JoinWithoutBase(tensor);
        }

        if (!IsOfFirstVersion && DerivedBuffers.Includes(tensor))
        {
            bool isSame = IsSameBuffer(tensor, other);
            if (isSame && CopiedTensorComparison.HoldsNonFinite(aligned, tensor, work))
            {
                // Of an infinity the difference is no number.
                return Copy(tensor);
            }

            if (!isSame)
            {
                return TakeBuffer(tensor);
            }
        }

        bool isArithmetic = tensor.Dtype.IsArithmetic() && other.Dtype.IsArithmetic();
        if (!tensor.Shape.SequenceEqual(other.Shape))
        {
            return isArithmetic && recipe.OnMismatch.Of(tensor.Name, work) == MismatchPolicy.ExtrapolateCommonRows
                ? ExtrapolateCommonRows(tensor, other)
                : Mismatch(tensor, PlanProblem.ShapesDiffer(tensor, other));
        }

        if (isArithmetic)
        {
            return Extrapolate(tensor, other);
        }

        return tensor.Dtype == other.Dtype
            ? CopyEqual(tensor, other)
            : Mismatch(tensor, PlanProblem.DtypesDiffer(tensor, other));
    }

    // What is tied stays so: both names have the bytes of one plan.
    private void AddCopies(ImmutableArray<PlannedTensor>.Builder planned)
    {
        if (copies.Count == 0)
        {
            return;
        }

        Dictionary<string, PlannedTensor> byName = planned.ToDictionary(tensor => tensor.Entry.Name, StringComparer.Ordinal);
        planned.AddRange(copies.Where(copy => byName.ContainsKey(copy.Original)).Select(copy => byName[copy.Original] with { Entry = byName[copy.Original].Entry with { Name = copy.Copy } }));
        planned.Sort((one, other) => string.CompareOrdinal(one.Entry.Name, other.Entry.Name));
    }

    private PlannedTensor? JoinWithoutBase(CheckpointTensor tensor)
    {
        if (baseCheckpoint.Nature.Heads.StandingFor(tensor.Name) is not { } embedding)
        {
            return Mismatch(tensor, baseCheckpoint.NamedByIndexAlone.Contains(tensor.Name)
                ? PlanProblem.NamedByIndexAlone(tensor.Name, recipe, isInBase: false)
                : PlanProblem.OnlyInAligned(tensor.Name, recipe));
        }

        if (IsTiedCopy(aligned, tensor, embedding.Name) && recipe.OnMismatch.Named(tensor.Name, work) is null or MismatchPolicy.Untie)
        {
            copies.Add((tensor.Name, embedding.Name));
            notes.Add(JoinNotes.Fate.TiedInAligned, tensor.Name);
            return null;
        }

        bool fits = tensor.Shape.SequenceEqual(embedding.Shape) && tensor.Dtype.IsArithmetic() && embedding.Dtype.IsArithmetic();
        if (!fits || recipe.OnMismatch.Of(tensor.Name, work) != MismatchPolicy.Untie)
        {
            return Mismatch(tensor, PlanProblem.BaseTiesItsHead(
                tensor, embedding, recipe, fits, isTiedInAligned: aligned.Nature.Heads.IsTied == true, isCopyInAligned: fits && IsCopy(aligned, tensor, embedding.Name)));
        }

        notes.Add(JoinNotes.Fate.Untied, tensor.Name);
        return Extrapolate(tensor, embedding);
    }

    // The configurations may lie, and so may one of them be missing: the bytes decide, unless one of them speaks against it.
    private bool IsTiedCopy(Checkpoint owner, CheckpointTensor tensor, string original)
    {
        bool?[] said = [baseCheckpoint.Nature.Heads.IsTied, aligned.Nature.Heads.IsTied];
        return !IsOfFirstVersion && (TiedHeads.ReadsShared(tensor.Name) || (said.Contains(true) && !said.Contains(false)))
            && IsCopy(owner, tensor, original);
    }

    private bool IsCopy(Checkpoint owner, CheckpointTensor tensor, string original) =>
        owner.Tensors.TryGetValue(original, out CheckpointTensor? other) && CopiedTensorComparison.AreCopies(owner, tensor, other, work);

    // Of different ones aligned's belongs to aligned's configuration, which the output has.
    private bool IsSameBuffer(CheckpointTensor tensor, CheckpointTensor other)
    {
        if (tensor.Dtype != other.Dtype || !tensor.Shape.SequenceEqual(other.Shape))
        {
            return false;
        }

        return tensor.ByteCount <= CopiedTensorComparison.MaxPlannedBytes
            ? AreEqual(tensor, other)
            : !tensor.Dtype.IsArithmetic();
    }

    // Buffers, and what has no elements and is no weight.
    private static bool MayBeOnOneSide(CheckpointTensor tensor) => DerivedBuffers.Includes(tensor) || EmptyTensors.IsEmptyBuffer(tensor);

    private bool AreEqual(CheckpointTensor tensor, CheckpointTensor other)
    {
        bool? areEqual = CopiedTensorComparison.AreEqual(aligned, tensor, baseCheckpoint, other, work);
        if (areEqual is null)
        {
            notes.Add(JoinNotes.Fate.NotCompared, tensor.Name);
        }

        return areEqual ?? true;
    }

    private PlannedTensor? TakeBuffer(CheckpointTensor tensor)
    {
        if (recipe.OnMismatch.Of(tensor.Name, work) == MismatchPolicy.Drop)
        {
            notes.Add(JoinNotes.Fate.LeftOutBuffer, tensor.Name);
            return null;
        }

        notes.Add(JoinNotes.Fate.TakenBuffer, tensor.Name);
        return Copy(tensor);
    }

    private PlannedTensor Extrapolate(CheckpointTensor tensor, CheckpointTensor other)
    {
        Dtype output = recipe.Numerics == Numerics.Official ? Dtype.BF16 : recipe.OutputDtype ?? tensor.Dtype;
        if (recipe.Numerics == Numerics.Stochastic && output == Dtype.F16)
        {
            throw new UsageException(RecipeProblems.StochasticIsNotF16(tensor.Name));
        }

        return Output(tensor, output, TensorRule.Merge, other, ExpoMethod.With(AlphaOf(tensor)));
    }

    private PlannedTensor? ExtrapolateCommonRows(CheckpointTensor tensor, CheckpointTensor other)
    {
        if (tensor.Shape is not [var rows, var columns] || other.Shape is not [var baseRows, var baseColumns] || columns != baseColumns)
        {
            problems.Add(PlanProblem.NoCommonRows(tensor, other));
            return null;
        }

        PlannedTensor whole = Extrapolate(tensor, other);
        if (rows < baseRows)
        {
            notes.Add(JoinNotes.Fate.RowsLeftOut, FormattableString.Invariant($"{tensor.Name} ({rows} of {baseRows})"));
            return whole;
        }

        notes.Add(JoinNotes.Fate.RowsCopied, FormattableString.Invariant($"{tensor.Name} ({baseRows} of {rows} extrapolated)"));
        return whole with { Sources = [whole.Sources[0], whole.Sources[1] with { Elements = baseRows * columns }] };
    }

    private double AlphaOf(CheckpointTensor tensor) =>
        recipe.Alpha.Of(tensor.Name, depths, work) ?? throw new UsageException(RecipeProblems.NoAlphaFor(tensor.Name));

    // Small ones are compared here, so that a mismatch is known before any work; large ones when their part is computed,
    // unless the plan itself depends on it.
    private PlannedTensor? CopyEqual(CheckpointTensor tensor, CheckpointTensor other)
    {
        MismatchPolicy policy = recipe.OnMismatch.Of(tensor.Name, work);
        bool isLeftToItsPart = tensor.ByteCount > CopiedTensorComparison.MaxPlannedBytes && policy != MismatchPolicy.Drop;
        if (isLeftToItsPart
            || AreEqual(tensor, other))
        {
            return policy == MismatchPolicy.CopyAligned
                ? Copy(tensor)
                : Output(tensor, tensor.Dtype, TensorRule.CopyEqual, other);
        }

        return Mismatch(tensor, PlanProblem.CopiedTensorDiffers(tensor.Name, tensor.Dtype, tensor.Shape));
    }

    // The policies for one kind of mismatch were asked before; for every other kind they do not know what to do either.
    private PlannedTensor? Mismatch(CheckpointTensor tensor, PlanProblem problem)
    {
        switch (recipe.OnMismatch.Of(tensor.Name, work))
        {
            case MismatchPolicy.CopyAligned:
                notes.Add(JoinNotes.Fate.TakenFromAligned, tensor.Name);
                return Copy(tensor);
            case MismatchPolicy.Drop:
                notes.Add(JoinNotes.Fate.Dropped, tensor.Name);
                return null;
            default:
                problems.Add(problem);
                return null;
        }
    }

    private PlannedTensor Copy(CheckpointTensor tensor) => Output(tensor, tensor.Dtype, TensorRule.Copy, other: null);

    private PlannedTensor Output(CheckpointTensor tensor, Dtype output, TensorRule rule, CheckpointTensor? other, ParameterSet? parameters = null)
    {
        var entry = new SafetensorsTensor(tensor.Name, output, tensor.Shape, Begin: 0, End: 0);
        TensorSource source = inputs.SourceOf(aligned, tensor);
        return new PlannedTensor(entry, rule, other is null ? [source] : [source, inputs.SourceOf(baseCheckpoint, other)], parameters);
    }

    private void NoteTensorsOnlyInBase()
    {
        foreach (string name in baseCheckpoint.Tensors.Keys.Where(name => !aligned.Tensors.ContainsKey(name)).Order(StringComparer.Ordinal))
        {
            if (DerivedBuffers.IsNeverKept(name))
            {
                notes.Add(JoinNotes.Fate.DroppedBuffer, name);
            }
            else if (MayBeOnOneSide(baseCheckpoint.Tensors[name]))
            {
                notes.Add(JoinNotes.Fate.LeftOutBuffer, name);
            }
            else if (aligned.Nature.Heads.StandingFor(name) is { } original && IsTiedCopy(baseCheckpoint, baseCheckpoint.Tensors[name], original.Name))
            {
                notes.Add(JoinNotes.Fate.TiedInBase, name);
            }
            else if (recipe.OnMismatch.Of(name, work) is MismatchPolicy.CopyAligned or MismatchPolicy.Drop)
            {
                notes.Add(JoinNotes.Fate.OnlyInBase, name);
            }
            else
            {
                problems.Add(aligned.Nature.Heads.StandingFor(name) is { } embedding
                    ? PlanProblem.AlignedTiesItsHead(name, embedding, recipe)
                    : aligned.NamedByIndexAlone.Contains(name)
                    ? PlanProblem.NamedByIndexAlone(name, recipe, isInBase: true)
                    : PlanProblem.OnlyInBase(name, recipe));
            }
        }
    }
}
