namespace ExpoCluster.Cluster.Work;

/// <summary>A message that is said again until it is acknowledged.</summary>
/// <param name="Message">What is said.</param>
/// <param name="FirstSaidAt">When it was said first.</param>
internal sealed record Unacknowledged<T>(T Message, DateTimeOffset FirstSaidAt)
{
    private DateTimeOffset saidAt = FirstSaidAt;

    /// <summary>Whether it is to be said again, which then counts as done.</summary>
    public bool IsDue(DateTimeOffset now, TimeSpan interval)
    {
        bool isDue = now - saidAt >= interval;
        saidAt = isDue ? now : saidAt;
        return isDue;
    }
}
