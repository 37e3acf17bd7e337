namespace ExpoCluster.Core.Planning;

/// <summary>Something that speaks against a merge, but is no error: whoever merges may know better. With <c>strict</c> it is one.</summary>
/// <param name="Code">For example <c>EXPO1222</c>: always the same for the same kind.</param>
/// <param name="Message">What, where, and what it would mean.</param>
/// <param name="Advice">What to do, where it is an error.</param>
public sealed record PlanWarning(string Code, string Message, string Advice)
{
    public const string Unrelated = "EXPO1220";
    public const string Exchanged = "EXPO1221";
    public const string ConfigurationsDiffer = "EXPO1222";
    public const string TokenizersDiffer = "EXPO1223";
    public const string QuantisedByConfigurationOnly = "EXPO1224";
    public const string QuantisedByTensorsOnly = "EXPO1225";
    public const string VocabularyIsNotItsRows = "EXPO1226";
    public const string ConfigurationUnreadable = "EXPO1227";
    public const string ScalesBesidePlainWeights = "EXPO1228";
    public const string StatisticsExtrapolated = "EXPO1229";
    public const string Equal = "EXPO1231";
    public const string PartOfModel = "EXPO1232";

    /// <summary>What a strict merge says instead.</summary>
    internal PlanProblem AsProblem() => new(Code, "", Message + " This is an error because the merge is strict.") { Advice = Advice };
}
