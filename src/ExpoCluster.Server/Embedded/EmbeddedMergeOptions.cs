using System.Collections.Immutable;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;

namespace ExpoCluster.Server.Embedded;

/// <summary>How an embedded merge is run; none of it changes the output's bytes.</summary>
public sealed record EmbeddedMergeOptions
{
    /// <summary>Computing threads.</summary>
    public required int Lanes { get; init; }

    /// <summary>Output bytes per second; null for no limit.</summary>
    public long? MaxBytesPerSecond { get; init; }

    /// <summary>How inputs are read.</summary>
    public ReadMode Reads { get; init; } = ReadMode.Automatic;

    /// <summary>Another model in the output directory is replaced.</summary>
    public bool Overwrite { get; init; }

    /// <summary>How the merge is planned.</summary>
    public PlanOptions Planning { get; init; } = new();

    /// <summary>Earlier work is thrown away.</summary>
    public bool Restart { get; init; }

    /// <summary>What references to the Hub mean in this merge; kept beside its work until it is done.</summary>
    public IReadOnlyDictionary<string, HubCommit> HubPins { get; init; } = ImmutableDictionary<string, HubCommit>.Empty;

    /// <summary>Told where the dashboard of this merge is; null to have none.</summary>
    public Action<Uri>? Dashboard { get; init; }

    /// <summary>Told what whoever runs the merge should know, such as what is waited for when nothing moves.</summary>
    public Action<string> Notice { get; init; } = _ => { };

    /// <summary>What an earlier run wrote is taken as it is, and not read back and compared with its digests.</summary>
    public bool TrustStaging { get; init; }

    /// <summary>What the merge runs on, where that was begun before; the merge begins and ends its own otherwise.</summary>
    public EmbeddedEngine? Engine { get; init; }

    /// <summary>Of this program; goes into provenance and model card.</summary>
    public required string Version { get; init; }

    /// <summary>How long an interrupted merge waits for the parts under way.</summary>
    public TimeSpan DrainPatience { get; init; } = TimeSpan.FromSeconds(4);
}
