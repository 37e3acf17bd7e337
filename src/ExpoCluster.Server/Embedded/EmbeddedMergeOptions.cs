namespace ExpoCluster.Server.Embedded;

/// <summary>How an embedded merge is run; none of it changes the output's bytes.</summary>
public sealed record EmbeddedMergeOptions
{
    /// <summary>Computing threads.</summary>
    public required int Lanes { get; init; }

    /// <summary>Output bytes per second; null for no limit.</summary>
    public long? MaxBytesPerSecond { get; init; }

    /// <summary>Another model in the output directory is replaced.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Earlier work is thrown away.</summary>
    public bool Restart { get; init; }

    /// <summary>Of this program; goes into provenance and model card.</summary>
    public required string Version { get; init; }

    /// <summary>How long an interrupted merge waits for the parts under way.</summary>
    public TimeSpan DrainPatience { get; init; } = TimeSpan.FromSeconds(4);
}
