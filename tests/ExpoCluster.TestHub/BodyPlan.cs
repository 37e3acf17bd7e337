namespace ExpoCluster.TestHub;

/// <summary>How a response's body will be sent; faults change it.</summary>
public sealed class BodyPlan
{
    public string? Text { get; set; }

    public bool IgnoresRange { get; set; }

    public long? DropAfter { get; set; }

    public long? StallAfter { get; set; }

    public long? DamagedOffset { get; set; }

    public long Shift { get; set; }

    public long ClaimedMore { get; set; }

    /// <summary>Set over the right ones; null removes one.</summary>
    public Dictionary<string, string?> Headers { get; } = new(StringComparer.OrdinalIgnoreCase);
}
