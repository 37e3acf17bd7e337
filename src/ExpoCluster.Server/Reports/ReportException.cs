using ExpoCluster.Tensors;

namespace ExpoCluster.Server.Reports;

/// <summary>There is nothing to report of.</summary>
public sealed class ReportException(string code, string message, string advice) : ExpoException(code, message, advice)
{
    public const string NoStatistics = "EXPO1302";

    internal static ReportException NothingThere(string directory) => new(
        NoStatistics,
        $"{directory}: no record of a merge with statistics is there (expocluster.json).",
        "name a directory that merge has written; one of version 0.1 has none, and is merged again with --overwrite.");
}
