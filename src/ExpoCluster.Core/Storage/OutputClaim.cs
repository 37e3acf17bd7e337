using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using ExpoCluster.Core.Jobs;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Core.Storage;

/// <summary>Who works, or last worked, on an output directory.</summary>
/// <param name="Job">The job's id.</param>
/// <param name="PlanDigest">Of the plan that the job executes.</param>
/// <param name="Host">The machine.</param>
/// <param name="Pid">The process on it.</param>
/// <param name="InFlight">The parts that were being computed, as <c>file:part</c>; what is left here by a process that died
/// without a farewell is next run alone and through positioned reads.</param>
public sealed record ClaimRecord(string Job, string PlanDigest, string Host, int Pid, ImmutableArray<string> InFlight);

/// <summary>Admits one job to an output directory: a lock that a dying process frees, with the job's name in it.</summary>
public sealed class OutputClaim : IDisposable
{
    /// <summary>The record is padded to whole pages, nearly always one, so that it is replaced by a single write.</summary>
    private const int PageBytes = 4096;

    /// <summary>Far more than the parts of all lanes that a process may have.</summary>
    private const int MaxRecordBytes = 16 * PageBytes;

    private readonly OutputPaths paths;
    private readonly FileLock held;
    private readonly Lock writing = new();

    private OutputClaim(OutputPaths paths, FileLock held)
    {
        this.paths = paths;
        this.held = held;
        Previous = Read(held.Handle);
    }

    /// <summary>What an earlier process left behind; null on a fresh directory.</summary>
    public ClaimRecord? Previous { get; }

    /// <summary>Takes the claim or says who has it. Creates the output directory where needed.</summary>
    /// <exception cref="JobException">Another process holds it.</exception>
    public static OutputClaim Acquire(OutputPaths paths)
    {
        ClaimRecord? holder = null;
        FileLock held = FileLock.TryAcquire(paths.Claim, isRemovedByHolder: true, taken => holder = Read(taken))
            ?? throw JobException.OutputClaimed(paths.Root, holder);
        return new OutputClaim(paths, held);
    }

    public void Write(ClaimRecord record)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(record, ClaimJson.Default.ClaimRecord);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(json.Length, MaxRecordBytes);
        lock (writing)
        {
            // Over all of a longer record before it.
            long bytes = Math.Max(RoundUp(json.Length), Math.Min(RoundUp(RandomAccess.GetLength(held.Handle)), MaxRecordBytes));
            byte[] pages = new byte[bytes];
            pages.AsSpan().Fill((byte)' ');
            json.CopyTo(pages, 0);
            RandomAccess.Write(held.Handle, pages, fileOffset: 0);
        }
    }

    /// <summary>Removes the whole workspace (staging, journal, claim); the output directory too if nothing else is in it.</summary>
    public void RemoveWorkspace()
    {
        foreach (string entry in Directory.EnumerateFileSystemEntries(paths.Workspace))
        {
            if (entry != paths.Claim)
            {
                Remove(entry);
            }
        }

        File.Delete(paths.Claim);
        Directory.Delete(paths.Workspace);
        if (!Directory.EnumerateFileSystemEntries(paths.Root).Any())
        {
            Directory.Delete(paths.Root);
        }
        else
        {
            Durability.FlushDirectory(paths.Root);
        }
    }

    /// <summary>Removes what other jobs than <paramref name="job"/> left in the workspace; everything when it is null.</summary>
    public void Sweep(string? job)
    {
        foreach (string entry in Directory.EnumerateFileSystemEntries(paths.Workspace))
        {
            bool keep = entry == paths.Claim
                || entry == paths.HubPins
                || (job is not null && (entry.StartsWith(paths.Journal, StringComparison.Ordinal)
                    || IsOf(job, entry)));
            if (!keep)
            {
                Remove(entry);
            }
        }
    }

    public void Dispose() => held.Dispose();

    private static long RoundUp(long bytes) => (bytes + PageBytes - 1) / PageBytes * PageBytes;

    // By whole names: another job's id may begin with this one's.
    private bool IsOf(string job, string entry)
    {
        string stagings = Path.Join(paths.Workspace, job + "-");
        return entry == paths.Plan(job)
            || entry == paths.Prepared(job)
            || entry == paths.Replaced(job)
            || (entry.StartsWith(stagings, StringComparison.Ordinal)
                && int.TryParse(entry.AsSpan(stagings.Length), NumberStyles.None, CultureInfo.InvariantCulture, out _));
    }

    private static void Remove(string entry)
    {
        if (Directory.Exists(entry))
        {
            Directory.Delete(entry, recursive: true);
        }
        else
        {
            File.Delete(entry);
        }
    }

    // A record that cannot be read was cut short by a crash before any work was done under it.
    private static ClaimRecord? Read(SafeFileHandle handle)
    {
        byte[] page = new byte[MaxRecordBytes];
        int count = RandomAccess.Read(handle, page, fileOffset: 0);
        try
        {
            return count == 0 ? null : JsonSerializer.Deserialize(page.AsSpan(0, count), ClaimJson.Default.ClaimRecord);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ClaimRecord))]
internal sealed partial class ClaimJson : JsonSerializerContext;
