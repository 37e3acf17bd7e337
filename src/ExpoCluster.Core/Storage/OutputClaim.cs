using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
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
public sealed partial record ClaimRecord(string Job, string PlanDigest, string Host, int Pid, ImmutableArray<string> InFlight)
{
    /// <summary>The parts of <see cref="InFlight"/> that are parts of a plan; a record is a file, and anybody may have written into it.</summary>
    /// <param name="partCounts">Of each file of the plan.</param>
    public IEnumerable<(int File, int Part)> PartsInFlight(IReadOnlyList<int> partCounts) => InFlight
        .Select(text => PartForm().Match(text ?? ""))
        .Where(match => match.Success)
        .Select(match => (File: Number(match.Groups[1]), Part: Number(match.Groups[2])))
        .Where(part => part.File < partCounts.Count && part.Part < partCounts[part.File]);

    /// <summary>Paths are made of the job's id, so it must be one.</summary>
    internal bool IsSound => Job is not null && JobId.IsOne(Job) && PlanDigest is not null && !InFlight.IsDefault;

    private static int Number(Group digits) => int.Parse(digits.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^([0-9]{1,9}):([0-9]{1,9})\z")]
    private static partial Regex PartForm();
}

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
        Previous = Read(held.Handle, paths.Claim);
    }

    /// <summary>What an earlier process left behind; null on a fresh directory.</summary>
    public ClaimRecord? Previous { get; }

    /// <summary>Takes the claim or says who has it. Creates the output directory where needed.</summary>
    /// <exception cref="JobException">Another process holds it.</exception>
    public static OutputClaim Acquire(OutputPaths paths)
    {
        ClaimRecord? holder = null;
        FileLock held = FileLock.TryAcquire(paths.Claim, isRemovedByHolder: true, taken => holder = Read(taken, paths.Claim))
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
            try
            {
                RandomAccess.Write(held.Handle, pages, fileOffset: 0);
            }
            catch (IOException exception)
            {
                throw StorageException.From(exception, paths.Claim, "write down who works here");
            }
        }
    }

    /// <summary>What has become of the claim's name: once it is not the claim's, nobody is kept away by it. Null while it is.</summary>
    public StorageException? FindDisplacement() =>
        FileIdentity.FindDisplacement(held.Handle, paths.Claim) is { } what ? StorageException.WasDisplaced(paths.Workspace, what) : null;

    /// <summary>Removes the whole workspace (staging, journal, claim); the output directory too if nothing else is in it.</summary>
    /// <returns>Why something is left, with the claim to say whose it is; null when nothing that matters is.</returns>
    public StorageException? RemoveWorkspace()
    {
        try
        {
            foreach (string entry in Directory.EnumerateFileSystemEntries(paths.Workspace).Where(entry => entry != paths.Claim && !IsGoing(entry)))
            {
                Remove(entry);
            }

            Delete(paths.Claim);
        }
        catch (StorageException exception)
        {
            return exception;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return StorageException.From(exception, paths.Workspace, "look into it");
        }

        if (!TryRemoveEmpty(paths.Workspace))
        {
            // On NFS a file that is open stays under a name of the client's own until it is closed, and with it the directory.
            held.Dispose();
            TryRemoveEmpty(paths.Workspace);
        }

        TryRemoveEmpty(paths.Root);
        return null;
    }

    /// <summary>Gives up a claim that came to nothing. Where nobody was before, nothing of it stays.</summary>
    public void Withdraw()
    {
        if (Previous is null)
        {
            try
            {
                Delete(paths.Claim);
            }
            catch (StorageException)
            {
                // The error that led here is the one to report.
            }
        }

        Dispose();
    }

    /// <summary>Removes what other jobs than <paramref name="job"/> left in the workspace; everything when it is null.</summary>
    public void Sweep(string? job)
    {
        foreach (string entry in Directory.EnumerateFileSystemEntries(paths.Workspace).Where(entry => !IsGoing(entry)))
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

    private static bool IsGoing(string entry) => Path.GetFileName(entry).StartsWith(".nfs", StringComparison.Ordinal);

    private static void Remove(string entry)
    {
        if (!Directory.Exists(entry))
        {
            Delete(entry);
            return;
        }

        try
        {
            Directory.Delete(entry, recursive: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw StorageException.From(exception, entry, "remove it");
        }
    }

    private static void Delete(string file)
    {
        try
        {
            File.Delete(file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw StorageException.From(exception, file, "remove it");
        }
    }

    // An empty directory that stays does no harm, and one that is not empty is not ours to remove.
    private static bool TryRemoveEmpty(string directory)
    {
        try
        {
            Directory.Delete(directory);
            Durability.FlushDirectory(Path.GetDirectoryName(directory)!);
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or StorageException)
        {
            return !Directory.Exists(directory);
        }
    }

    // A record that cannot be read was cut short by a crash before any work was done under it.
    private static ClaimRecord? Read(SafeFileHandle handle, string path)
    {
        byte[] page = new byte[MaxRecordBytes];
        try
        {
            int count = RandomAccess.Read(handle, page, fileOffset: 0);
            ClaimRecord? record = count == 0 ? null : JsonSerializer.Deserialize(page.AsSpan(0, count), ClaimJson.Default.ClaimRecord);
            return record is { IsSound: true } ? record : null;
        }
        catch (JsonException)
        {
            return null;
        }
        catch (IOException exception)
        {
            throw StorageException.From(exception, path, "read who works here");
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ClaimRecord))]
internal sealed partial class ClaimJson : JsonSerializerContext;
