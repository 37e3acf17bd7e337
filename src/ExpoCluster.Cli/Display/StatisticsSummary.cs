using System.Globalization;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Cli.Display;

/// <summary>What a merge changed, in a line or two.</summary>
internal static class StatisticsSummary
{
    // Below a tenth of a percent nobody would act on it.
    private const double NoticeableShare = 0.001;

    /// <param name="statistics">Of one output.</param>
    /// <param name="dtype">Of most of the output.</param>
    /// <param name="coverage">How much of it was computed.</param>
    public static IEnumerable<string> Lines(ProvenanceStatistics statistics, Dtype? dtype, Coverage coverage)
    {
        ProvenanceSums total = statistics.Total;
        string name = dtype?.Name() ?? "the output";
        if (statistics.AskedAlpha is not { } asked || total.EffectiveAlpha is not { } reached)
        {
            yield return "base and aligned are equal in every extrapolated tensor: the output is aligned";
        }
        else
        {
            string lost = total.SwallowedShare < NoticeableShare
                ? ""
                : $"; {Percent(total.SwallowedShare)} of the changed weights did not move{Advice(dtype)}";
            yield return string.Create(CultureInfo.InvariantCulture, $"alpha {asked:0.00##} asked, {reached:0.00##} reached in {name}{OfModel(reached, coverage)}{lost}");
        }

        if (total.Overflowed > 0)
        {
            yield return string.Create(
                CultureInfo.InvariantCulture, $"warning: {total.Overflowed:N0} values are too large for {name} and became infinite; --dtype bf16 or f32 would hold them");
        }

        if (total.NaN > 0 || total.Infinite > total.Overflowed)
        {
            yield return string.Create(
                CultureInfo.InvariantCulture, $"warning: {total.NaN:N0} values are NaN and {total.Infinite - total.Overflowed:N0} infinite, as the inputs made them");
        }

        if (NotFiniteTensors.Of(statistics.Tensors) is { } named)
        {
            yield return $"  in {named.Describe()}";
        }
    }

    // What was copied has not moved at all.
    private static string OfModel(double reached, Coverage coverage) => coverage.CopiedBytes == 0 ? "" : string.Create(
        CultureInfo.InvariantCulture, $" over what was computed, {reached * coverage.MergedShare:0.00##} over the whole model");

    public static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{100 * share:0.#} %");

    private static string Advice(Dtype? dtype) => dtype is Dtype.BF16 or Dtype.F16 ? "; --dtype f32 would keep them" : "";
}
