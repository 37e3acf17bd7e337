using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Planning;

/// <summary>The pattern by which names of the same tensors differ in base and aligned, found in the names themselves.</summary>
/// <remarks>
/// Tensors that have no partner are paired with those of the same shape whose names end alike. What stands before the common end, in base and in aligned, is a
/// rule; of the rules those stay that bring more tensors together and part none.
/// </remarks>
internal sealed class NameDifference
{
    private const int MaxRules = 16;

    private readonly ImmutableArray<TensorRename> rules;
    private readonly IReadOnlyCollection<(string Old, string New)> joined;
    private readonly HashSet<string> oldNames;
    private readonly HashSet<string> newNames;
    private readonly int baseCount;

    private NameDifference(ImmutableArray<TensorRename> rules, IReadOnlyCollection<(string Old, string New)> joined, int baseCount)
    {
        this.rules = rules;
        this.baseCount = baseCount;
        this.joined = joined;
        oldNames = [.. joined.Select(pair => pair.Old)];
        newNames = [.. joined.Select(pair => pair.New)];
    }

    /// <summary>The tensors of base that have a partner under another name.</summary>
    public ImmutableArray<string> NamesInBase => [.. oldNames.Order(StringComparer.Ordinal)];

    /// <summary>Those of them that have neither name in which the recipe speaks of them.</summary>
    /// <param name="isNamed">The recipe speaks of a name.</param>
    public HashSet<string> NamesInBaseUnless(Func<string, bool> isNamed) => [.. joined.Where(pair => !isNamed(pair.Old) && !isNamed(pair.New)).Select(pair => pair.Old)];

    public string Message => string.Create(
        CultureInfo.InvariantCulture,
        $"{oldNames.Count} of base's {baseCount} tensors are in aligned under other names: {Printable.Some([.. rules.Select(Describe)], MaxRules)}.");

    /// <summary>The rules that make the names equal, as a line of a recipe.</summary>
    public string ToRecipe() =>
        $"rename: [{string.Join(", ", rules.Select(rule => $"{{from: {Quoted(rule.From)}, to: {Quoted(rule.To)}, in: base}}"))}]";

    /// <summary>The tensor has a partner under another name.</summary>
    public bool Explains(string tensor, bool isOfBase) => (isOfBase ? oldNames : newNames).Contains(tensor);

    /// <summary>Null where the names differ by no pattern.</summary>
    public static NameDifference? Find(
        IReadOnlyDictionary<string, CheckpointTensor> inBase, IReadOnlyDictionary<string, CheckpointTensor> inAligned, PlanningWork work)
    {
        CheckpointTensor[] loneInBase = Lone(inBase, inAligned);
        CheckpointTensor[] loneInAligned = Lone(inAligned, inBase);
        if (loneInBase.Length == 0 || loneInAligned.Length == 0)
        {
            return null;
        }

        var joinedAlready = new NameRules([.. inBase.Keys.Where(inAligned.ContainsKey)]);
        ImmutableArray<TensorRename> rules = joinedAlready.Find(loneInBase, loneInAligned, work);
        rules = [.. rules.Where(rule => !Joined([rule], loneInBase, inAligned, work).IsEmpty)];
        ImmutableArray<(string Old, string New)> joined = Joined(rules, loneInBase, inAligned, work);
        bool isMostOfThem = joined.Length * 2 >= Math.Min(loneInBase.Length, loneInAligned.Length);
        bool isClear = joined.Select(pair => pair.New).Distinct(StringComparer.Ordinal).Count() == joined.Length;
        return rules.IsEmpty || rules.Length > MaxRules || joined.IsEmpty || !isMostOfThem || !isClear ? null : new NameDifference(rules, joined, inBase.Count);
    }

    /// <summary>That tensors of base may each be several of aligned, and the names do not tell which; null where that is not so.</summary>
    public static PlanProblem? FindSeveral(
        IReadOnlyDictionary<string, CheckpointTensor> inBase, IReadOnlyDictionary<string, CheckpointTensor> inAligned, PlanningWork work)
    {
        string[] both = [.. inBase.Keys.Where(inAligned.ContainsKey)];
        CheckpointTensor[] loneInBase = Lone(inBase, inAligned);
        CheckpointTensor[] loneInAligned = Lone(inAligned, inBase);
        return Several(isOfBase: true, both, loneInBase, loneInAligned, work) ?? Several(isOfBase: false, both, loneInAligned, loneInBase, work);
    }

    private static PlanProblem? Several(bool isOfBase, string[] both, CheckpointTensor[] one, CheckpointTensor[] other, PlanningWork work)
    {
        var rules = new NameRules(both);
        rules.Find(one, other, work);
        if (rules.Ambiguous.IsEmpty)
        {
            return null;
        }

        string[] ways = [.. rules.Ambiguous.Select(rule => Describe(isOfBase ? rule : rule with { From = rule.To, To = rule.From }))];
        return PlanProblem.SeveralNames(
            isOfBase ? ("base", "aligned") : ("aligned", "base"), one.Count(tensor => rules.AmbiguousNames.Contains(tensor.Name)), [.. rules.AmbiguousNames.Order(StringComparer.Ordinal)], Printable.Some(ways, MaxRules));
    }

    private static CheckpointTensor[] Lone(IReadOnlyDictionary<string, CheckpointTensor> one, IReadOnlyDictionary<string, CheckpointTensor> other) =>
    [
        .. one.Values.Where(tensor => !other.ContainsKey(tensor.Name) && !DerivedBuffers.IsNeverKept(tensor.Name)).OrderBy(tensor => tensor.Name, StringComparer.Ordinal),
    ];

    private static ImmutableArray<(string Old, string New)> Joined(
        ImmutableArray<TensorRename> rules, CheckpointTensor[] lone, IReadOnlyDictionary<string, CheckpointTensor> inAligned, PlanningWork work)
    {
        var joined = ImmutableArray.CreateBuilder<(string, string)>();
        foreach (CheckpointTensor tensor in lone)
        {
            work.Continue();
            string? name = rules.Select(rule => rule.Apply(tensor.Name)).FirstOrDefault(renamed => renamed is not null);
            if (name is not null && inAligned.TryGetValue(name, out CheckpointTensor? other) && other.Shape.SequenceEqual(tensor.Shape))
            {
                joined.Add((tensor.Name, name));
            }
        }

        return joined.ToImmutable();
    }

    private static string Describe(TensorRename rule) =>
        rule.From.Length == 0 ? $"names in aligned begin with '{rule.To}', and those in base do not"
        : rule.To.Length == 0 ? $"names in base begin with '{rule.From}', and those in aligned do not"
        : $"'{rule.From}' in base is '{rule.To}' in aligned";

    private static string Quoted(string text) => $"'{Printable.Of(text).Replace("'", "''", StringComparison.Ordinal)}'";
}
