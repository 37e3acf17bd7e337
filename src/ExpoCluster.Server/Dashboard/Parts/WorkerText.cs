namespace ExpoCluster.Server.Dashboard.Parts;

/// <summary>Workers as people know them.</summary>
internal static class WorkerText
{
    /// <summary>HOST:PORT, without the number that tells a restarted node from its predecessor.</summary>
    public static string NameOf(string worker) => worker.Split('#')[0];
}
