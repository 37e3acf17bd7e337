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
            int[] missing = [.. Enumerable.Range(0, blob.Record.Count).Where(range => !blob.Record.IsComplete(range))];
            foreach (int range in missing)
            {
                yield return new FileRange(blob, range);
            }

            // All was there but the end: an empty file, or a run that was stopped while it checked the digest.
            if (missing.Length == 0)
            {
                Finish(blob, cancellation);
            }
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

            await Task.Delay(LockInterval, cancellation).ConfigureAwait(false);
        }
    }

    private bool IsThere(HubFile file) =>
        new FileInfo(session.Cache.Blob(file.Commit.Repository, file.Etag)) is { Exists: true } blob && blob.Length == file.ByteLength;

    private async Task FetchAsync(FileRange range, Action arrived, CancellationToken cancellation)
    {
        UnfinishedBlob blob = range.Blob;
        try
        {
            if (!blob.Record.IsComplete(range.Index))
            {
                await CopyAsync(blob, blob.Record.Begin(range.Index), blob.Record.End(range.Index), arrived, cancellation).ConfigureAwait(false);
                Complete(blob, range.Index, cancellation);
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
            if (blob.Record.IsAllComplete)
            {
                return;
            }

            await CopyWholeAsync(blob, arrived, cancellation).ConfigureAwait(false);
            for (int range = 0; range < blob.Record.Count; range++)
            {
                if (!blob.Record.IsComplete(range))
                {
                    Complete(blob, range, cancellation);
                }
            }
        }
        finally
        {
            blob.WholeReading.Release();
        }
    }

    // Such a server cannot go on where it broke off.
    private async Task CopyWholeAsync(UnfinishedBlob blob, Action arrived, CancellationToken cancellation)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                await CopyAsync(blob, 0, blob.File.ByteLength, arrived, cancellation).ConfigureAwait(false);
                return;
            }
            catch (HubException exception) when (exception.Code == HubErrors.RangesIgnored && attempt < WholeAttempts)
            {
            }
        }
    }

    private async Task CopyAsync(UnfinishedBlob blob, long begin, long end, Action arrived, CancellationToken cancellation)
    {
        byte[] buffer = new byte[BufferBytes];
        await using HubStream stream = session.Client.Open(blob.File, begin, end);
        long counted = 0;
        try
        {
            while (stream.Position < end)
            {
                long offset = stream.Position;
                int count = await stream.ReadAsync(buffer, cancellation).ConfigureAwait(false);
                blob.Write(buffer.AsSpan(0, count), offset);
                counted += count;
                bytesDone.AddOrUpdate(blob.File, count, (_, done) => done + count);
                arrived();
            }
        }
        finally
        {
            if (stream.Position < end)
            {
                bytesDone.AddOrUpdate(blob.File, 0, (_, done) => done - counted);
            }
        }
    }

    private void Complete(UnfinishedBlob blob, int range, CancellationToken cancellation)
    {
        if (blob.Complete(range))
        {
            Finish(blob, cancellation);
        }
    }

    private void Finish(UnfinishedBlob blob, CancellationToken cancellation)
    {
        blob.Finish(cancellation);
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

    private sealed record FileRange(UnfinishedBlob Blob, int Index);
}
