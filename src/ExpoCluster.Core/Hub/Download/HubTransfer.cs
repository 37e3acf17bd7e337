namespace ExpoCluster.Core.Hub.Download;

/// <summary>One file of the Hub on its way into the cache, and how far it has come.</summary>
public sealed class HubTransfer(HubSession session, HubFile file)
{
    // Several workers fetch several files each.
    private const int Connections = 4;

    private long bytesDone;
    private long activity;

    /// <summary>Bytes that have arrived, those that others brought among them.</summary>
    public long BytesDone => Interlocked.Read(ref bytesDone);

    /// <summary>Grows as long as it gets on, or waits for what it was told to wait for.</summary>
    public long Activity => session.Client.IsWaiting ? Interlocked.Increment(ref activity) : Interlocked.Read(ref activity);

    /// <summary>Returns when the file is in the cache, whole and checked, whoever brought it there.</summary>
    /// <param name="cancellation">What has arrived is kept, and whoever comes next goes on from there.</param>
    /// <exception cref="HubException">It cannot be had.</exception>
    /// <exception cref="Storage.StorageException">It cannot be written.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        if (session.Cache.Has(file))
        {
            Interlocked.Exchange(ref bytesDone, file.ByteLength);
            return;
        }

        session.Cache.RemoveStray(file);
        var options = new DownloadOptions { Connections = Connections, Active = () => Interlocked.Increment(ref activity) };
        await new HubDownload(session, options)
            .RunAsync([file], now => Interlocked.Exchange(ref bytesDone, now.Files[0].BytesDone), cancellation).ConfigureAwait(false);
    }
}
