using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Files;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Core.Hub.Download;

/// <summary>A blob of the cache on its way: its space is reserved, its ranges come in any order, and it gets its name when it is right.</summary>
/// <remarks>
/// Older tools resume <c>ETAG.incomplete</c> from its length, and ours has its full length from the start, so the name is another one.
/// </remarks>
internal sealed class UnfinishedBlob : IDisposable
{
    private const string Ending = ".expocluster.incomplete";
    private const string RecordEnding = ".expocluster.ranges";

    private readonly HubCache cache;
    private readonly FileLock held;
    private readonly SafeFileHandle handle;
    private int rangesLeft;

    private UnfinishedBlob(HubCache cache, HubFile file, FileLock held, SafeFileHandle handle, RangeRecord record)
    {
        this.cache = cache;
        this.held = held;
        this.handle = handle;
        File = file;
        Record = record;
        rangesLeft = Enumerable.Range(0, record.Count).Count(range => !record.IsComplete(range));
    }

    public HubFile File { get; }

    public RangeRecord Record { get; }

    /// <summary>Held by whoever reads the whole file because its server knows no ranges. Others may still wait for it at the end.</summary>
    public SemaphoreSlim WholeReading { get; } = new(1);

    /// <summary>Bytes that an earlier run has reserved for the file.</summary>
    public static long ReservedBytes(HubCache cache, HubFile file) =>
        new FileInfo(PathOf(cache, file, Ending)) is { Exists: true } info && info.Length == file.ByteLength ? file.ByteLength : 0;

    /// <summary>Takes over what an earlier run has left, or begins.</summary>
    /// <param name="cache">Where the blob goes.</param>
    /// <param name="file">What it is.</param>
    /// <param name="held">The blob's lock; given back with this.</param>
    /// <param name="rangeBytes">Bytes of a range.</param>
    /// <exception cref="StorageException">There is no room, or no right to write.</exception>
    public static UnfinishedBlob Open(HubCache cache, HubFile file, FileLock held, int rangeBytes)
    {
        string path = PathOf(cache, file, Ending);
        cache.Prepare(Path.GetDirectoryName(path)!);
        SafeFileHandle? handle = null;
        RangeRecord? record = null;
        try
        {
            handle = RegularFile.OpenToWrite(path, create: true);
            record = RangeRecord.Open(PathOf(cache, file, RecordEnding), file.ByteLength, rangeBytes);
            if (RandomAccess.GetLength(handle) != file.ByteLength)
            {
                record.Clear();
                RandomAccess.SetLength(handle, 0);
            }

            if (file.ByteLength > 0)
            {
                StagingFile.Reserve(handle, path, file.ByteLength);
            }

            return new UnfinishedBlob(cache, file, held, handle, record);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or StorageException)
        {
            handle?.Dispose();
            record?.Dispose();
            held.Dispose();
            throw StorageException.From(exception, path, "download it");
        }
    }

    public void Write(ReadOnlySpan<byte> bytes, long offset)
    {
        try
        {
            RandomAccess.Write(handle, bytes, offset);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw StorageException.From(exception, PathOf(cache, File, Ending), "write to it");
        }
    }

    /// <summary>Remembers a range; true when it was the last one that was missing.</summary>
    public bool Complete(int range) => Record.Complete(range) && Interlocked.Decrement(ref rangesLeft) == 0;

    /// <summary>Checks the digest, makes the bytes durable, and gives the blob its name.</summary>
    /// <param name="active">Told now and then that it gets on.</param>
    /// <param name="cancellation">Ends it; nothing is lost.</param>
    /// <exception cref="HubException">The bytes are not those of the listing; they are thrown away.</exception>
    public void Finish(Action? active, CancellationToken cancellation)
    {
        string path = PathOf(cache, File, Ending);
        string digest = HubDigest.Of(handle, File, active, cancellation);
        if (digest != File.Etag)
        {
            Record.Clear();
            System.IO.File.Delete(path);
            throw HubErrors.DigestDiffers(File, digest);
        }

        Durability.FlushAll(handle, path);
        Durability.Rename(path, cache.Blob(File.Commit.Repository, File.Etag));
        System.IO.File.Delete(PathOf(cache, File, RecordEnding));
    }

    public void Dispose()
    {
        handle.Dispose();
        Record.Dispose();
        held.Dispose();
    }

    private static string PathOf(HubCache cache, HubFile file, string ending) =>
        cache.Blob(file.Commit.Repository, file.Etag) + ending;
}
