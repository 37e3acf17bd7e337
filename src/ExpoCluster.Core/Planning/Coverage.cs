using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Planning;

/// <summary>Tensors of one pattern that are copied.</summary>
/// <param name="Pattern">Their name, with a star for each number.</param>
/// <param name="Tensors">How many they are.</param>
/// <param name="Bytes">Floating-point bytes that are copied.</param>
public sealed record CopiedKind(string Pattern, int Tensors, long Bytes);

/// <summary>How much of an output is computed, and how much is copied from aligned. Bytes are those of the output.</summary>
/// <param name="MergedBytes">Floating-point bytes that the formula gives.</param>
/// <param name="CopiedBytes">Floating-point bytes that are aligned's.</param>
/// <param name="CopiedTensors">Floating-point tensors that are copied, whole or in part.</param>
/// <param name="OtherBytes">Bytes of integers, booleans and the like, which are always copied.</param>
/// <param name="OtherTensors">How many tensors these are.</param>
/// <param name="Kinds">What is copied of floating-point tensors, the largest kind first.</param>
public sealed record Coverage(
    long MergedBytes, long CopiedBytes, int CopiedTensors, long OtherBytes, int OtherTensors, ImmutableArray<CopiedKind> Kinds)
{
    private const int MaxKinds = 3;

    /// <summary>Floating-point bytes of the output.</summary>
    public long FloatingBytes => MergedBytes + CopiedBytes;

    /// <summary>Of the floating-point bytes, 0 to 1; 0 where there are none.</summary>
    public double MergedShare => FloatingBytes == 0 ? 0 : (double)MergedBytes / FloatingBytes;

    /// <summary>Of the floating-point bytes, 0 to 1; 0 where there are none.</summary>
    public double CopiedShare => FloatingBytes == 0 ? 0 : (double)CopiedBytes / FloatingBytes;

    /// <summary>Every floating-point byte is computed.</summary>
    public bool IsWhole => CopiedBytes == 0 && MergedBytes > 0;

    /// <param name="plan">The outputs of a sweep are covered alike: the figures are those of one.</param>
    public static Coverage Of(Plan plan) => Of(plan.Layout.SelectMany(file => file.Tensors));

    internal static Coverage Of(IEnumerable<PlannedTensor> tensors)
    {
        long merged = 0;
        long other = 0;
        int others = 0;
        var copied = new List<(string Name, long Bytes)>();
        foreach (PlannedTensor tensor in tensors)
        {
            if (!IsFloating(tensor.Entry.Dtype))
            {
                other += tensor.Entry.ByteCount;
                others++;
                continue;
            }

            merged += tensor.MergedByteCount;
            if (tensor.Entry.ByteCount > tensor.MergedByteCount)
            {
                copied.Add((tensor.Entry.Name, tensor.Entry.ByteCount - tensor.MergedByteCount));
            }
        }

        return new Coverage(merged, copied.Sum(row => row.Bytes), copied.Count, other, others, KindsOf(copied));
    }

    /// <summary>Numbers with a point, whether they can be computed with or not.</summary>
    internal static bool IsFloating(Dtype dtype) => dtype.IsArithmetic() || dtype is Dtype.C64 or Dtype.F4 or Dtype.F6E2M3 or Dtype.F6E3M2
        or Dtype.F8E4M3 or Dtype.F8E5M2 or Dtype.F8E4M3Fnuz or Dtype.F8E5M2Fnuz;

    internal static ImmutableArray<CopiedKind> KindsOf(IEnumerable<(string Name, long Bytes)> tensors) =>
    [
        .. tensors.GroupBy(row => TensorNames.PatternOf(row.Name), StringComparer.Ordinal)
            .Select(group => new CopiedKind(group.Key, group.Count(), group.Sum(row => row.Bytes)))
            .OrderByDescending(kind => kind.Bytes)
            .ThenBy(kind => kind.Pattern, StringComparer.Ordinal),
    ];

    /// <summary>For example <c>merged 14.1 of 14.5 GB (97 %); copied 0.4 GB: 12 tensors, visual.blocks.*.weight (12)</c>.</summary>
    public override string ToString()
    {
        string merged = $"merged {ByteSize.Format(MergedBytes)} of {ByteSize.Format(FloatingBytes)} ({PercentOf(MergedShare)})";
        return CopiedBytes == 0
            ? merged
            : string.Create(CultureInfo.InvariantCulture, $"{merged}; copied {ByteSize.Format(CopiedBytes)}: {Count(CopiedTensors)}, {Describe(Kinds)}");
    }

    /// <summary>The first kinds, each with its count.</summary>
    internal static string Describe(ImmutableArray<CopiedKind> kinds)
    {
        string named = string.Join(", ", kinds.Take(MaxKinds).Select(kind => kind.Tensors == 1
            ? Printable.Of(kind.Pattern)
            : string.Create(CultureInfo.InvariantCulture, $"{Printable.Of(kind.Pattern)} ({kind.Tensors})")));
        return kinds.Length <= MaxKinds ? named : string.Create(CultureInfo.InvariantCulture, $"{named} and {kinds.Length - MaxKinds} more kinds");
    }

    /// <summary>A share in percent that is never rounded to all or nothing.</summary>
    internal static string PercentOf(double share) => share switch
    {
        1 => "100 %",
        0 => "0 %",
        > 0.9995 => "99.9 %",
        < 0.0005 => "0.1 %",
        > 0.995 or < 0.1 => string.Create(CultureInfo.InvariantCulture, $"{100 * share:0.0} %"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{100 * share:0} %"),
    };

    private static string Count(int tensors) => string.Create(CultureInfo.InvariantCulture, $"{tensors} tensor{(tensors == 1 ? "" : "s")}");
}
