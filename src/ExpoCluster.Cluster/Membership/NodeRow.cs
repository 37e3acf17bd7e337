namespace ExpoCluster.Cluster.Membership;

/// <summary>A node as the database knows it.</summary>
/// <param name="Address">For example <c>akka.ssl.tcp://expocluster@127.0.0.1:4053</c>.</param>
/// <param name="IsMember">It is, or was when it was last seen, a member of the cluster.</param>
/// <param name="Age">Since it was last seen, by the database's clock.</param>
internal sealed record NodeRow(string Address, bool IsMember, TimeSpan Age)
{
    // The database's clock may have been put back a little.
    private const double MostSecondsAhead = 60;

    private const double MostSeconds = 1e10;

    /// <summary>A row of the table; null for one that no node has written.</summary>
    /// <param name="address">That nodes would call.</param>
    /// <param name="isMember">As it stands there.</param>
    /// <param name="seconds">Since it was seen; null where that is no time.</param>
    public static NodeRow? TryRead(string address, bool isMember, double? seconds) =>
        seconds is > -MostSecondsAhead && IsAddress(address)
            ? new NodeRow(address, isMember, TimeSpan.FromSeconds(Math.Clamp(seconds.Value, 0, MostSeconds)))
            : null;

    private static bool IsAddress(string text)
    {
        try
        {
            return Akka.Actor.Address.Parse(text) is { Host.Length: > 0, Port: > 0 and <= 65535, System.Length: > 0 };
        }
        catch (Exception exception) when (exception is UriFormatException or ArgumentException or FormatException)
        {
            return false;
        }
    }
}
