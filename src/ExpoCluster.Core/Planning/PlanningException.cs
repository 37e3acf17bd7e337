using System.Collections.Immutable;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Planning;

/// <summary>The checkpoints do not fit each other; all reasons at once, those of one kind told as one.</summary>
public sealed class PlanningException : ExpoException
{
    public const string OnlyInAligned = "EXPO1201";
    public const string OnlyInBase = "EXPO1202";
    public const string ShapesDiffer = "EXPO1203";
    public const string CopiedTensorsDiffer = "EXPO1204";
    public const string DtypesDiffer = "EXPO1205";
    public const string NothingToMerge = "EXPO1206";
    public const string InputChanged = "EXPO1207";
    public const string HeadTiedOnOneSide = "EXPO1208";
    public const string NoCommonRows = "EXPO1209";
    public const string StridedOnHub = "EXPO1239";
    public const string OtherNames = "EXPO1240";
    public const string NameTwice = "EXPO1241";

    public const string RequirementNotMet = "EXPO1248";

    public const string IsQuantised = "EXPO1210";
    public const string IsAdapter = "EXPO1211";
    public const string WithoutElements = "EXPO1212";
    public const string ExpertsFused = "EXPO1213";
    public const string TooLittleComputed = "EXPO1214";
    public const string PromisedStray = "EXPO1215";

    /// <param name="problems">At least one.</param>
    /// <param name="share">Of the numbers of base or aligned, how many the problems are about, 0 to 1; null where that is not known.</param>
    public PlanningException(ImmutableArray<PlanProblem> problems, double? share = null)
        : this(problems, PlanProblemKind.Of(problems, share))
    {
    }

    private PlanningException(ImmutableArray<PlanProblem> problems, ImmutableArray<PlanProblemKind> kinds)
        : base(
            kinds[0].Code,
            string.Join(Environment.NewLine, kinds.Select(kind => kind.Message)),
            string.Join(" ", kinds.Select(kind => kind.Advice).Distinct(StringComparer.Ordinal)))
    {
        Problems = problems;
        Kinds = kinds;
    }

    /// <summary>One for each tensor.</summary>
    public ImmutableArray<PlanProblem> Problems { get; }

    /// <summary>What a user is told: one for each kind, in the order in which they were met.</summary>
    public ImmutableArray<PlanProblemKind> Kinds { get; }
}
