using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Files;
using ExpoCluster.Tensors.Mapping;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Core.Parts;

/// <summary>The input files of one plan, opened when first needed, shared by all lanes.</summary>
/// <param name="plan">Whose inputs.</param>
/// <param name="hub">What remote inputs are read through; null for what the process's environment says.</param>
/// <param name="cache">Where files of the Hub have been brought; null to read them from the Hub itself.</param>
/// <param name="seen">What this process has seen of them already; null for nothing.</param>
public sealed class InputFiles(Plan plan, HubClient? hub = null, HubCache? cache = null, SeenInputs? seen = null) : IDisposable
{
    // Shared file systems remember for a while that a file was not there.
    private static readonly TimeSpan CachePatience = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan CacheInterval = TimeSpan.FromMilliseconds(100);

    private readonly SeenInputs seen = seen ?? new SeenInputs();
    private readonly long[] lookedAt = new long[plan.Inputs.Length];
    private readonly Lock opening = new();
    private readonly MappedFile?[] mapped = new MappedFile?[plan.Inputs.Length];
    private readonly SafeFileHandle?[] handles = new SafeFileHandle?[plan.Inputs.Length];
    private readonly SafeFileHandle?[] direct = new SafeFileHandle?[plan.Inputs.Length];
    private readonly bool[] isTried = new bool[plan.Inputs.Length];

    /// <summary>How a plan's inputs are read: on network file systems a mapped page may fail to arrive, and that kills the process.</summary>
    /// <param name="plan">Whose inputs.</param>
    /// <param name="asked">What the user asked for.</param>
    /// <param name="cache">Where files of the Hub have been brought; null where they are not.</param>
    public static ReadMode ModeFor(Plan plan, ReadMode asked, HubCache? cache)
    {
        IEnumerable<string?> directories = plan.Inputs.Select(input => input.IsRemote ? cache?.Directory : Path.GetDirectoryName(input.Path));
        return asked == ReadMode.Automatic && FileSystemFacts.NetworkKind(directories.OfType<string>()) is not null
            ? ReadMode.Positioned
            : asked;
    }

    /// <summary>Some inputs are read from the Hub.</summary>
    public bool HasRemote { get; } = cache is null && plan.Inputs.Any(input => input.IsRemote);

    /// <summary>What they are read through.</summary>
    internal HubClient Hub => hub ?? HubSession.Shared.Client;

    /// <summary>The input is read from the Hub.</summary>
    internal bool IsRemote(int input) => cache is null && plan.Inputs[input].IsRemote;

    /// <summary>Throws unless the file is still the one that the plan was made for, and that this process has seen.</summary>
    /// <exception cref="TensorFileException">It is gone or was changed.</exception>
    public void CheckUnchanged(int input)
    {
        PlanInput planned = plan.Inputs[input];
        if (planned.IsRemote)
        {
            // Its path names the commit, and each answer of the Hub is checked for it.
            if (cache is not null)
            {
                CheckCached(cache, planned);
            }

            return;
        }

        Compare(planned, FileIdentity.Of(planned.Path) ?? throw Changed(planned, "the file is gone", $"{planned.ByteLength} bytes", "nothing"));
    }

    private void Compare(PlanInput planned, FileIdentity now)
    {
        if (now.ByteLength != planned.ByteLength)
        {
            throw Changed(planned, "the file's length changed", $"{planned.ByteLength} bytes", $"{now.ByteLength} bytes");
        }

        if (now.ModifiedUnixNanoseconds != planned.ModifiedUnixNanoseconds)
        {
            throw Changed(
                planned,
                "the file was modified",
                PlanInput.FormatTime(planned.ModifiedUnixNanoseconds),
                PlanInput.FormatTime(now.ModifiedUnixNanoseconds));
        }

        seen.Compare(planned, now);
    }

    /// <summary>The bytes [offset, offset + count) of an input: the mapping itself, or the buffer that they were read into.</summary>
    /// <param name="input">Index of the input in the plan.</param>
    /// <param name="offset">Bytes from the start of the file.</param>
    /// <param name="buffer">At least <paramref name="count"/> bytes; used for positioned reads only.</param>
    /// <param name="count">Bytes.</param>
    /// <param name="mode">How to read.</param>
    /// <param name="tensor">Named in the error when the file is too short.</param>
    public ReadOnlySpan<byte> Read(int input, long offset, Span<byte> buffer, int count, ReadMode mode, string tensor)
    {
        if (mode != ReadMode.Positioned)
        {
            LookAgain(input);
            return MappingOf(input).Span(offset, count);
        }

        ReadFully(handles[input] ?? OpenHandle(input), plan.Inputs[input], offset, buffer[..count], tensor);
        return buffer[..count];
    }

    // Who reads a mapping of a file that was cut is killed. So before each tile it is asked whether it was; before small ones once in a tick of the clock.
    private void LookAgain(int input)
    {
        long tick = Environment.TickCount64;
        if (Volatile.Read(ref lookedAt[input]) != tick && !plan.Inputs[input].IsRemote)
        {
            CheckUnchanged(input);
            Volatile.Write(ref lookedAt[input], tick);
        }
    }

    /// <summary>Which share of the plan's local inputs memory holds, from pieces all over them; 1 where there are none.</summary>
    public double ResidentShare()
    {
        InputSlice[] pieces =
        [
            .. Enumerable.Range(0, plan.Inputs.Length)
                .Where(input => !plan.Inputs[input].IsRemote)
                .SelectMany(input => InputSlice.Spread(input, plan.Inputs[input].ByteLength)),
        ];
        return pieces.Length == 0 ? 1 : (double)pieces.Sum(ResidentBytes) / pieces.Sum(piece => piece.ByteCount);
    }

    /// <summary>How many of the slice's bytes memory holds.</summary>
    internal long ResidentBytes(InputSlice slice) => MappingOf(slice.Input).ResidentBytes(slice.Begin, slice.ByteCount);

    /// <summary>Has the bytes brought into memory.</summary>
    internal void ReadAhead(InputSlice slice) => MappingOf(slice.Input).ReadAhead(slice.Begin, slice.ByteCount);

    /// <summary>Fills the buffer with a slice that begins on a page boundary.</summary>
    /// <param name="slice">Which bytes.</param>
    /// <param name="buffer">On a page boundary, of whole pages, at least as long as the slice.</param>
    /// <param name="isDirect">Past the page cache, where the file system can.</param>
    /// <returns>False when they cannot be had, for whatever reason.</returns>
    internal bool TryRead(InputSlice slice, Span<byte> buffer, bool isDirect)
    {
        try
        {
            int needed = (int)slice.ByteCount;
            return (isDirect && DirectHandle(slice.Input) is { } direct
                ? Fill(direct, slice.Begin, buffer, needed)
                : Fill(handles[slice.Input] ?? OpenHandle(slice.Input), slice.Begin, buffer[..needed], needed)) >= needed;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ExpoException)
        {
            return false;
        }
    }

    /// <summary>Gives back the memory of bytes that were read ahead.</summary>
    internal void Release(InputSlice slice) => mapped[slice.Input]!.Release(slice.Begin, slice.ByteCount);

    public void Dispose()
    {
        foreach (MappedFile? file in mapped)
        {
            file?.Dispose();
        }

        foreach (SafeFileHandle? handle in handles.Concat(direct))
        {
            handle?.Dispose();
        }
    }

    private static void CheckCached(HubCache cache, PlanInput planned)
    {
        var file = HubFile.OfPlan(planned.Path, planned.ByteLength);
        for (TimeSpan waited = TimeSpan.Zero; !cache.Has(file); waited += CacheInterval)
        {
            if (waited >= CachePatience)
            {
                throw HubErrors.GoneFromCache(planned.Path, cache.Directory);
            }

            Thread.Sleep(CacheInterval);
        }
    }

    private string PathOf(int input) => cache is not null && plan.Inputs[input].IsRemote
        ? RealPath.Of(cache.PlaceOf(HubFile.OfPlan(plan.Inputs[input].Path, plan.Inputs[input].ByteLength)))
        : plan.Inputs[input].Path;

    private static void ReadFully(SafeFileHandle handle, PlanInput planned, long offset, Span<byte> buffer, string tensor)
    {
        int filled = Fill(handle, offset, buffer, buffer.Length);
        if (filled < buffer.Length)
        {
            throw new TensorFileException(
                PlanningException.InputChanged,
                planned.Path,
                "the file ends inside a tensor",
                "restore the file, then start over with --restart.",
                tensor,
                offset + filled,
                $"{planned.ByteLength} bytes",
                $"{RandomAccess.GetLength(handle)} bytes");
        }
    }

    // A read may come back short; only one of nothing is the end of the file. Past the page cache the end of a slice lies in a page that is read whole.
    private static int Fill(SafeFileHandle handle, long offset, Span<byte> buffer, int needed)
    {
        int filled = 0;
        while (filled < needed && RandomAccess.Read(handle, buffer[filled..], offset + filled) is > 0 and int count)
        {
            filled += count;
        }

        return filled;
    }

    private MappedFile MappingOf(int input)
    {
        if (mapped[input] is { } known)
        {
            return known;
        }

        lock (opening)
        {
            if (mapped[input] is null)
            {
                using SafeFileHandle handle = Open(input);
                mapped[input] = MappedFile.Open(handle, PathOf(input), plan.Inputs[input].ByteLength);
            }

            return mapped[input]!;
        }
    }

    // What was looked at by its name may be another file by the time it is opened.
    private SafeFileHandle Open(int input)
    {
        string path = PathOf(input);
        SafeFileHandle handle = ReadableFile.Open(path);
        try
        {
            CheckOpened(input, handle, path);
            return handle;
        }
        catch (ExpoException)
        {
            handle.Dispose();
            throw;
        }
    }

    private void CheckOpened(int input, SafeFileHandle handle, string path)
    {
        if (!plan.Inputs[input].IsRemote)
        {
            seen.CompareOpened(plan.Inputs[input], FileIdentity.Of(handle, path));
        }
    }

    private SafeFileHandle? DirectHandle(int input)
    {
        lock (opening)
        {
            if (!isTried[input])
            {
                isTried[input] = true;
                direct[input] = OpenDirect(input);
            }

            return direct[input];
        }
    }

    private SafeFileHandle? OpenDirect(int input)
    {
        string path = PathOf(input);
        if (!OperatingSystem.IsLinux() || Posix.TryOpenDirectForReading(path) is not { } handle)
        {
            return null;
        }

        try
        {
            CheckOpened(input, handle, path);
            return handle;
        }
        catch (ExpoException)
        {
            handle.Dispose();
            throw;
        }
    }

    private SafeFileHandle OpenHandle(int input)
    {
        lock (opening)
        {
            return handles[input] ??= Open(input);
        }
    }

    internal static TensorFileException Changed(PlanInput planned, string problem, string expected, string found, string? advice = null) => new(
        PlanningException.InputChanged,
        planned.Path,
        problem + " since the merge was planned",
        advice ?? "restore the file and run the same command again, or start over with --restart.",
        expected: expected,
        found: found);
}
