using System.Collections.Concurrent;
using System.Collections.Immutable;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;

namespace ExpoCluster.Server.Jobs;

/// <summary>What finished merges changed, from the records beside their outputs, as the contract sums it up.</summary>
public sealed class PublishedStatistics
{
    // A record of a hundred thousand tensors is tens of megabytes, and what it says of a job that is done does not change.
    private const int MaxRemembered = 1000;

    private readonly ConcurrentDictionary<string, ImmutableArray<OutputStatistics>> remembered = new(StringComparer.Ordinal);

    /// <summary>Of one output; null where there is no record, or one without statistics: a tool that reports must not fail on it.</summary>
    public static OutputStatistics? Of(OutputPaths output) => SumUp(output, Read(output));

    /// <summary>Of all outputs of a job that is done; an output that is gone, or was replaced since, is left out.</summary>
    public async Task<ImmutableArray<OutputStatistics>> OfAsync(RegisterEntry entry)
    {
        if (remembered.TryGetValue(entry.Job, out ImmutableArray<OutputStatistics> known))
        {
            return known;
        }

        ImmutableArray<OutputStatistics> read = await OwnThread.Run(() => ReadAll(entry)).ConfigureAwait(false);
        if (remembered.Count < MaxRemembered && !read.IsEmpty)
        {
            remembered[entry.Job] = read;
        }

        return read;
    }

    private static ImmutableArray<OutputStatistics> ReadAll(RegisterEntry entry)
    {
        var paths = new OutputPaths(entry.Output);
        IEnumerable<OutputPaths> outputs = entry.Facts.Folders.IsEmpty ? [paths] : entry.Facts.Folders.Select(paths.Variant);
        return
        [
            .. from output in outputs
               let record = Read(output)
               where record?.PlanDigest == entry.Facts.PlanDigest
               let statistics = SumUp(output, record)
               where statistics is not null
               select statistics,
        ];
    }

    private static Provenance? Read(OutputPaths output)
    {
        try
        {
            return Provenance.ReadFrom(output);
        }
        catch (ProvenanceException)
        {
            return null;
        }
    }

    private static OutputStatistics? SumUp(OutputPaths output, Provenance? record) => record?.Statistics is not { } statistics ? null : new OutputStatistics(
        output.Root,
        statistics.AskedAlpha,
        statistics.Total.EffectiveAlpha,
        statistics.Total.ChangedShare,
        statistics.Total.SwallowedShare,
        statistics.Total.Overflowed,
        statistics.Total.NaN,
        statistics.Total.Infinite)
    {
        NotFinite = NotFiniteTensors.Of(statistics.Tensors) is { } named ? Describe(named) : null,
        Merged = CoverageFacts.Of(record.Merged),
        Copied = CoverageFacts.Of(record.Copied),
        EffectiveAlphaOfModel = record.Merged is { } merged ? statistics.Total.EffectiveAlpha * merged.Share : null,
    };

    private static NotFiniteResults Describe(NotFiniteTensors named) => new(
        named.Count,
        [.. named.First.Select(tensor => new NotFiniteResult(Printable.Of(tensor.Name), tensor.NaN, tensor.Infinite, tensor.Overflowed))]);
}
