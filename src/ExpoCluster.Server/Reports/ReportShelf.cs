using System.Collections.Immutable;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;

namespace ExpoCluster.Server.Reports;

/// <summary>Reads reports from the records beside outputs, and keeps those that were read last.</summary>
public sealed class ReportShelf
{
    // A record of a hundred thousand tensors is tens of megabytes; its report is a thousandth of that.
    private const int MaxKept = 32;

    private readonly Lock gate = new();
    private readonly LinkedList<(string Job, ImmutableArray<ModelReport> Reports)> kept = new();

    /// <summary>Of all outputs of a job that is done; an output that is gone, or was replaced since, is left out.</summary>
    public async Task<ImmutableArray<ModelReport>> OfAsync(RegisterEntry entry)
    {
        lock (gate)
        {
            if (kept.FirstOrDefault(known => known.Job == entry.Job) is { Job: not null } found)
            {
                return found.Reports;
            }
        }

        ImmutableArray<ModelReport> read = await OwnThread.Run(() => ReadAll(entry)).ConfigureAwait(false);
        lock (gate)
        {
            if (!read.IsEmpty)
            {
                kept.AddFirst((entry.Job, read));
            }

            if (kept.Count > MaxKept)
            {
                kept.RemoveLast();
            }
        }

        return read;
    }

    /// <summary>Of a directory with a record, or with those of a sweep's outputs in it.</summary>
    /// <exception cref="ExpoException">There is none, or it cannot be read, or nothing was measured.</exception>
    public static ImmutableArray<ModelReport> Read(string directory)
    {
        var paths = OutputPaths.Of(directory);
        OutputPaths[] outputs = File.Exists(paths.Provenance) || !Directory.Exists(paths.Root)
            ? [paths]
            : [.. Directory.EnumerateDirectories(paths.Root, "alpha-*").Select(folder => new OutputPaths(folder)).Where(output => File.Exists(output.Provenance))];
        ImmutableArray<ModelReport> reports = [.. outputs.Select(Read).OfType<ModelReport>().OrderBy(report => report.AskedAlpha)];
        return reports.IsEmpty ? throw ReportException.NothingThere(paths.Root) : reports;
    }

    private static ModelReport? Read(OutputPaths output) =>
        Provenance.ReadFrom(output) is { } record ? ReportOf(record, output) : null;

    private static ModelReport? ReportOf(Provenance record, OutputPaths output)
    {
        try
        {
            return ModelReport.Of(record, output.Root);
        }
#pragma warning disable CA1031 // A record is a file that anybody may have written: whatever its values lead to, it is none of ours.
        catch (Exception exception) when (exception is not ExpoException)
#pragma warning restore CA1031
        {
            throw new ProvenanceException(output.Provenance, $"its values are none of a merge's record: {exception.Message}", exception);
        }
    }

    private static ImmutableArray<ModelReport> ReadAll(RegisterEntry entry)
    {
        var paths = new OutputPaths(entry.Output);
        IEnumerable<OutputPaths> outputs = entry.Facts.Folders.IsEmpty ? [paths] : entry.Facts.Folders.Select(paths.Variant);
        var reports = ImmutableArray.CreateBuilder<ModelReport>();
        foreach (OutputPaths output in outputs)
        {
            try
            {
                if (Provenance.ReadFrom(output) is { } record && record.PlanDigest == entry.Facts.PlanDigest && ReportOf(record, output) is { } report)
                {
                    reports.Add(report);
                }
            }
            catch (ProvenanceException)
            {
                // A page that reports must not fail on one record of several.
            }
        }

        return [.. reports.OrderBy(report => report.AskedAlpha)];
    }
}
