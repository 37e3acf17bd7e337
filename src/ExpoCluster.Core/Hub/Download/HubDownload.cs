using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Hub.Download;

/// <summary>Brings files of the Hub into the cache: by ranges over several connections, resumable, and only what has the right digest.</summary>
public sealed class HubDownload(HubSession session, DownloadOptions options)
{
    private const int BufferBytes = 256 << 10;
    private const int WholeAttempts = 5;

    private static readonly TimeSpan LockInterval = TimeSpan.FromMilliseconds(250);

    private readonly ConcurrentDictionary<HubFile, UnfinishedBlob> open = new();
    private readonly ConcurrentDictionary<HubFile, long> bytesDone = new();
    private readonly Lock telling = new();
    private long? lastTold;

    /// <summary>Downloads what is missing of <paramref name="files"/>, and links all of them into their snapshots.</summary>
    /// <param name="files">Of any number of models.</param>
    /// <param name="progress">Told several times a second, on any thread but one at a time.</param>
    /// <param name="interrupt">Stops within a second or two; running it again goes on from there.</param>
    /// <exception cref="HubException">A file cannot be had.</exception>
    /// <exception cref="StorageException">A file cannot be written.</exception>
    public async Task RunAsync(ImmutableArray<HubFile> files, Action<DownloadProgress> progress, CancellationToken interrupt)
    {
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = options.Connections, CancellationToken = interrupt };
        try
        {
            // The sequence opens a file when its first range is due, so that only a few are open at a time.
            await Parallel.ForEachAsync(RangesOf(files, interrupt), parallel, async (range, cancellation) =>
            {
                await FetchAsync(range, () => Tell(files, progress, isDue: false), cancellation).ConfigureAwait(false);
                Tell(files, progress, isDue: false);
            }).ConfigureAwait(false);
            Tell(files, progress, isDue: true);
        }
        finally
        {
            foreach (UnfinishedBlob blob in open.Values)
            {
                blob.Dispose();
            }

            open.Clear();
        }
    }

    private async IAsyncEnumerable<FileRange> RangesOf(ImmutableArray<HubFile> files, [EnumeratorCancellation] CancellationToken cancellation)
    {
        foreach (HubFile file in files)
        {
            if (await OpenAsync(file, cancellation).ConfigureAwait(false) is not { } blob)
            {
                bytesDone[file] = file.ByteLength;
                session.Cache.Link(file);
                continue;
            }

            open[file] = blob;
            bytesDone[file] = blob.Record.CompleteBytes;
            FileRange[] missing = [.. MissingOf(blob)];
            foreach (FileRange range in missing)
            {
                yield return range;
            }

            // All was there but the end: an empty file, or a run that was stopped while it checked the digest.
            if (missing.Length == 0)
            {
                await FinishAsync(blob, cancellation).ConfigureAwait(false);
            }
        }
    }

    // Neighbours that are missing are asked for together, as far as one request goes.
    private IEnumerable<FileRange> MissingOf(UnfinishedBlob blob)
    {
        int most = Math.Max(1, options.RequestBytes / options.RangeBytes);
        int[] missing = [.. Enumerable.Range(0, blob.Record.Count).Where(range => !blob.Record.IsComplete(range))];
        for (int at = 0; at < missing.Length;)
        {
            int count = 1;
            while (count < most && at + count < missing.Length && missing[at + count] == missing[at] + count)
            {
                count++;
            }

            yield return new FileRange(blob, missing[at], missing[at] + count);
            at += count;
        }
    }

    // Null when the blob is there, perhaps because another process has downloaded it while we waited for its lock.
    private async Task<UnfinishedBlob?> OpenAsync(HubFile file, CancellationToken cancellation)
    {
        string path = session.Cache.Lock(file.Commit.Repository, file.Etag);
        bool isSaid = false;
        while (true)
        {
            FileLock? held = FileLock.TryAcquire(path);
            if (held is not null)
            {
                if (!IsThere(file))
                {
                    return UnfinishedBlob.Open(session.Cache, file, held, options.RangeBytes);
                }

                held.Dispose();
                return null;
            }

            if (!isSaid)
            {
                isSaid = true;
                session.Client.Notice?.Invoke($"{file.Name}: another process downloads it; waiting for that one");
            }

            options.Active?.Invoke();
            await Task.Delay(LockInterval, cancellation).ConfigureAwait(false);
        }
    }

    private bool IsThere(HubFile file) =>
        new FileInfo(session.Cache.Blob(file.Commit.Repository, file.Etag)) is { Exists: true } blob && blob.Length == file.ByteLength;

    private async Task FetchAsync(FileRange range, Action arrived, CancellationToken cancellation)
    {
        UnfinishedBlob blob = range.Blob;
        int first = Enumerable.Range(range.First, range.End - range.First).FirstOrDefault(index => !blob.Record.IsComplete(index), range.End);
        if (first == range.End)
        {
            return;
        }

        try
        {
            if (await CopyAsync(blob, first, range.End, arrived, cancellation).ConfigureAwait(false))
            {
                await blob.WholeReading.WaitAsync(cancellation).ConfigureAwait(false);
                await FinishAsync(blob, cancellation).ConfigureAwait(false);
                blob.WholeReading.Release();
            }
        }
        catch (HubException exception) when (exception.Code == HubErrors.RangesIgnored)
        {
            await FetchWholeAsync(blob, arrived, cancellation).ConfigureAwait(false);
        }
    }

    // One connection reads the file from its start; the others find their ranges done when it is their turn.
    private async Task FetchWholeAsync(UnfinishedBlob blob, Action arrived, CancellationToken cancellation)
    {
        await blob.WholeReading.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (!blob.Record.IsAllComplete && await CopyWholeAsync(blob, arrived, cancellation).ConfigureAwait(false))
            {
                await FinishAsync(blob, cancellation).ConfigureAwait(false);
            }
        }
        finally
        {
            blob.WholeReading.Release();
        }
    }

    // Such a server cannot go on where it broke off.
    private async Task<bool> CopyWholeAsync(UnfinishedBlob blob, Action arrived, CancellationToken cancellation)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return await CopyAsync(blob, 0, blob.Record.Count, arrived, cancellation).ConfigureAwait(false);
            }
            catch (HubException exception) when (exception.Code == HubErrors.RangesIgnored && attempt < WholeAttempts)
            {
            }
        }
    }

    // True when the file's last missing range was among these.
    private async Task<bool> CopyAsync(UnfinishedBlob blob, int first, int end, Action arrived, CancellationToken cancellation)
    {
        RangeRecord record = blob.Record;
        byte[] buffer = new byte[BufferBytes];
        await using HubStream stream = session.Client.Open(blob.File, record.Begin(first), record.End(end - 1));
        bool isLast = false;
        long unrecorded = 0;
        try
        {
            for (int range = first; range < end && !record.IsAllComplete;)
            {
                long offset = stream.Position;
                int count = await stream.ReadAsync(buffer, cancellation).ConfigureAwait(false);
                blob.Write(buffer.AsSpan(0, count), offset);
                unrecorded += count;
                options.Active?.Invoke();
                bytesDone.AddOrUpdate(blob.File, count, (_, done) => done + count);
                for (; range < end && stream.Position >= record.End(range); range++)
                {
                    isLast |= blob.Complete(range);
                    unrecorded = stream.Position - record.End(range);
                }

                arrived();
            }
        }
        finally
        {
            bytesDone.AddOrUpdate(blob.File, 0, (_, done) => done - unrecorded);
        }

        return isLast;
    }

    // Reading a large file back takes long, and the thread pool has others to serve.
    private Task FinishAsync(UnfinishedBlob blob, CancellationToken cancellation) => Task.Factory.StartNew(
        () => Finish(blob, cancellation), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private void Finish(UnfinishedBlob blob, CancellationToken cancellation)
    {
        blob.Finish(options.Active, cancellation);
        session.Cache.Link(blob.File);
        bytesDone[blob.File] = blob.File.ByteLength;
        if (open.TryRemove(blob.File, out _))
        {
            blob.Dispose();
        }
    }

    private void Tell(ImmutableArray<HubFile> files, Action<DownloadProgress> progress, bool isDue)
    {
        long now = Environment.TickCount64;
        lock (telling)
        {
            if (isDue || lastTold is not { } last || now - last >= options.ProgressInterval.TotalMilliseconds)
            {
                lastTold = now;
                progress(new DownloadProgress([.. files.Select(file => new FileProgress(
                    $"{file.Commit.Repository}/{file.Path}", file.ByteLength, Math.Min(file.ByteLength, bytesDone.GetValueOrDefault(file))))]));
            }
        }
    }

    /// <summary>Ranges of one file from the first to before the end, for one request.</summary>
    private sealed record FileRange(UnfinishedBlob Blob, int First, int End);
}
