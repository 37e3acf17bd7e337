using System.Collections.Immutable;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Core.Planning;

/// <summary>Rules that turn names of base into names of aligned, guessed from tensors whose names end alike.</summary>
/// <param name="joined">Names that both sides have: no rule may touch them.</param>
internal sealed class NameRules(IReadOnlyCollection<string> joined)
{
    /// <summary>A rule that touches other tensors as well is made narrower by so many segments at most.</summary>
    private const int MaxNarrowings = 4;

    /// <summary>Names of which so many begin in their own way differ by no pattern.</summary>
    private const int MaxBeginnings = 256;

    /// <summary>Of several tensors that one of base's may be, those of one beginning are meant if they are so many of base's, and of each other one not even half.</summary>
    private const double MostOfBase = 0.9;

    private static readonly char[] Special = ['*', '?', '\\'];

    /// <param name="inBase">Tensors without a partner.</param>
    /// <param name="inAligned">Likewise.</param>
    /// <param name="work">Who ends it.</param>
    /// <returns>The narrower ones first, for of several rules that match the first one counts.</returns>
    public ImmutableArray<TensorRename> Find(CheckpointTensor[] inBase, CheckpointTensor[] inAligned, PlanningWork work)
    {
        var ends = new NameEnds(inBase);
        var pairs = new List<Pair>();
        foreach (CheckpointTensor tensor in inAligned)
        {
            work.Continue();
            if (ends.PartnerOf(tensor) is { } partner && Pair.Of(partner, tensor.Name) is { } pair)
            {
                pairs.Add(pair);
            }
        }

        pairs = Unambiguous(pairs, inBase.Length);
        return
        [
            .. Rules(pairs, MaxNarrowings, work)
                .GroupBy(rule => rule.Rename.From, StringComparer.Ordinal)
                .Select(rules => rules.MaxBy(rule => rule.Votes).Rename)
                .OrderByDescending(rule => rule.From.Length)
                .ThenBy(rule => rule.From, StringComparer.Ordinal),
        ];
    }

    /// <summary>How aligned's names begin where one tensor of base may be several of aligned; empty where none may.</summary>
    public ImmutableArray<TensorRename> Ambiguous { get; private set; } = [];

    /// <summary>Names of both sides about which that is so.</summary>
    public ImmutableHashSet<string> AmbiguousNames { get; private set; } = [];

    // Of several partners the one counts whose words agree with base's, then the one that has more in common, then the one of which there are as many as in base.
    private List<Pair> Unambiguous(List<Pair> pairs, int inBase)
    {
        Pair[][] best = [.. pairs.GroupBy(pair => pair.Name, StringComparer.Ordinal).Select(partners => Best([.. partners]))];
        Pair[] alone = [.. best.Where(partners => partners.Length == 1).Select(partners => partners[0])];
        Pair[] several = [.. best.Where(partners => partners.Length > 1).SelectMany(partners => partners)];
        if (several.Length == 0)
        {
            return [.. alone];
        }

        (TensorRename Rule, int Count)[] rules = [.. alone.Concat(several).GroupBy(pair => pair.Rule).Select(group => (group.Key, group.Count())).OrderByDescending(row => row.Item2)];
        if (rules is [{ } first, .. var others] && first.Count >= MostOfBase * inBase && others.All(other => other.Count * 2 < inBase))
        {
            return [.. alone.Concat(several).Where(pair => pair.Rule == first.Rule || !several.Contains(pair))];
        }

        Ambiguous = [.. several.Select(pair => pair.Rule).Distinct()];
        AmbiguousNames = [.. several.Select(pair => pair.Name), .. several.Select(pair => pair.NameInAligned)];
        return [.. alone];
    }

    private static Pair[] Best(Pair[] partners)
    {
        Pair[] agreeing = [.. partners.Where(pair => NameRoles.Agree(pair.Base, pair.Aligned))];
        Pair[] left = agreeing.Length > 0 ? agreeing : partners;
        int longest = left.Max(pair => pair.Common.Length);
        return [.. left.Where(pair => pair.Common.Length == longest)];
    }

    private IEnumerable<(TensorRename Rename, int Votes)> Rules(List<Pair> pairs, int narrowings, PlanningWork work)
    {
        IGrouping<string, Pair>[] beginnings = [.. pairs.GroupBy(pair => pair.Rule.From, StringComparer.Ordinal)];
        if (beginnings.Length > MaxBeginnings)
        {
            yield break;
        }

        foreach (IGrouping<string, Pair> sameFrom in beginnings)
        {
            work.Continue();
            List<IGrouping<TensorRename, Pair>> rules = [.. sameFrom.GroupBy(pair => pair.Rule)];
            if (rules.Count == 1 && !joined.Any(name => rules[0].Key.Apply(name) is not null))
            {
                yield return (rules[0].Key, rules[0].Count());
            }
            else if (narrowings > 0)
            {
                foreach ((TensorRename, int) narrower in Rules([.. sameFrom.Select(pair => pair.Narrower()).OfType<Pair>()], narrowings - 1, work))
                {
                    yield return narrower;
                }
            }
        }
    }

    /// <summary>Two names that end alike.</summary>
    /// <param name="Base">What is not common, in base.</param>
    /// <param name="Aligned">What is not common, in aligned.</param>
    /// <param name="Common">The segments of the common end.</param>
    private sealed record Pair(string Base, string Aligned, ImmutableArray<string> Common)
    {
        public TensorRename Rule { get; } = RuleOf(Base, Aligned);

        public string Name => Base + string.Join('.', Common);

        public string NameInAligned => Aligned + string.Join('.', Common);

        public static Pair? Of((string Name, int Segments) inBase, string inAligned)
        {
            string[] segments = inBase.Name.Split('.');
            ImmutableArray<string> common = [.. segments[^inBase.Segments..]];
            int length = common.Sum(segment => segment.Length + 1) - 1;
            // They would mean something else in a rule.
            bool isPlain = inBase.Name.IndexOfAny(Special) < 0 && inAligned.IndexOfAny(Special) < 0;
            // Another number is another layer, not another name; another word may be another model.
            return isPlain && !NameRoles.Contradict(inBase.Name[..^length], inAligned[..^length]) && NumbersOf(inBase.Name[..^length]).SequenceEqual(NumbersOf(inAligned[..^length]))
                ? new Pair(inBase.Name[..^length], inAligned[..^length], common)
                : null;
        }

        /// <summary>One segment of the common end more belongs to the rule; null where there is none to spare.</summary>
        public Pair? Narrower() => Common.Length > 1 ? new Pair($"{Base}{Common[0]}.", $"{Aligned}{Common[0]}.", Common[1..]) : null;

        // Numbers of layers and experts stand for all of them.
        private static TensorRename RuleOf(string inBase, string inAligned)
        {
            string[] numbers = NumbersOf(inBase);
            return numbers.Length > 0 && numbers.SequenceEqual(NumbersOf(inAligned))
                ? new TensorRename(TensorNames.PatternOf(inBase) + "*", TensorNames.PatternOf(inAligned) + "*", RenamedSide.Base)
                : new TensorRename(inBase, inAligned, RenamedSide.Base);
        }

        private static string[] NumbersOf(string text) => [.. text.Split('.').Where(TensorNames.IsNumber)];
    }
}
