using System.Collections.Immutable;

namespace ExpoCluster.Server.Dashboard.Live;

/// <summary>The cluster as this node sees it.</summary>
/// <param name="Nodes">Members, the oldest first, then those that were lost or left lately.</param>
/// <param name="Leader">As HOST:PORT; null when there is none, as in a partition.</param>
/// <param name="Rates">Of all workers together.</param>
public sealed record ClusterPicture(ImmutableArray<NodePicture> Nodes, string? Leader, ImmutableArray<RateSample> Rates)
{
    public static ClusterPicture Empty { get; } = new([], Leader: null, []);

    public double BytesPerSecond => Nodes.Sum(node => node.BytesPerSecond ?? 0);
}

/// <summary>One node.</summary>
/// <param name="Name">HOST:PORT.</param>
/// <param name="Roles">coordinator, worker, web.</param>
/// <param name="State">joining, up, leaving, …, unreachable, lost, left.</param>
public sealed record NodePicture(string Name, ImmutableArray<string> Roles, string State)
{
    public const string Unreachable = "unreachable";
    public const string Lost = "lost";
    public const string Gone = "left";

    public bool IsSelf { get; init; }

    /// <summary>When it was lost or left.</summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>Null before it has answered.</summary>
    public NodeFigures? Figures { get; init; }

    /// <summary>Output bytes of its worker over the last seconds; null without one.</summary>
    public double? BytesPerSecond { get; init; }

    public bool IsThere => State is not (Lost or Gone);
}

/// <summary>What a node says of itself.</summary>
/// <param name="Cores">Processors that it may use.</param>
/// <param name="CoresUsed">Over the last seconds.</param>
/// <param name="MemoryUsed">Bytes of the process.</param>
/// <param name="MemoryLimit">Bytes that it may use.</param>
/// <param name="Lanes">Computing threads; 0 for no worker.</param>
/// <param name="Version">Of the program.</param>
/// <param name="StartedAt">The process.</param>
/// <param name="Parts">What it computes.</param>
public sealed record NodeFigures(
    int Cores,
    double? CoresUsed,
    long MemoryUsed,
    long MemoryLimit,
    int Lanes,
    string Version,
    DateTimeOffset StartedAt,
    ImmutableArray<PartPicture> Parts);

/// <summary>A part that is being computed.</summary>
public sealed record PartPicture(string Job, int File, int Part, long BytesDone, long Bytes);
