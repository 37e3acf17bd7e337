using System.Globalization;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Server.Api;

/// <summary>A place in the list as text. It stays valid while jobs come and go.</summary>
internal static class JobCursor
{
    public static string Write(RegisterPosition position) =>
        string.Create(CultureInfo.InvariantCulture, $"{position.SubmittedAt.ToUnixTimeMilliseconds()}.{position.Job}");

    public static RegisterPosition? Read(string text)
    {
        int dot = text.IndexOf('.', StringComparison.Ordinal);
        return dot > 0
            && long.TryParse(text.AsSpan(0, dot), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long milliseconds)
            && milliseconds is >= 0 and < 253_402_300_800_000
            && JobId.IsOne(text[(dot + 1)..])
                ? new RegisterPosition(DateTimeOffset.FromUnixTimeMilliseconds(milliseconds), text[(dot + 1)..])
                : null;
    }
}
