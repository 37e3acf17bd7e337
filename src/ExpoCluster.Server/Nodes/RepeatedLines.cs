namespace ExpoCluster.Server.Nodes;

/// <summary>Holds lines back that were said a moment ago: what cannot be reached is tried again several times a second.</summary>
public sealed class RepeatedLines(TimeProvider clock)
{
    private const int MaxRemembered = 100;

    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(30);

    private readonly Dictionary<string, Said> lines = new(StringComparer.Ordinal);

    /// <summary>Whether the line is due.</summary>
    /// <param name="line">Without its time.</param>
    /// <param name="suppressed">How often it was held back since it was said last.</param>
    public bool MaySay(string line, out int suppressed)
    {
        suppressed = 0;
        if (lines.TryGetValue(line, out Said? said) && clock.GetElapsedTime(said.At) < Moment)
        {
            said.Suppressed++;
            return false;
        }

        suppressed = said?.Suppressed ?? 0;
        if (lines.Count >= MaxRemembered)
        {
            Forget();
        }

        lines[line] = new Said(clock.GetTimestamp());
        return true;
    }

    private void Forget()
    {
        foreach (string old in lines.Where(line => clock.GetElapsedTime(line.Value.At) >= Moment).Select(line => line.Key).ToList())
        {
            lines.Remove(old);
        }

        if (lines.Count >= MaxRemembered)
        {
            lines.Clear();
        }
    }

    private sealed record Said(long At)
    {
        public int Suppressed { get; set; }
    }
}
