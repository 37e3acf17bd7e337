using System.Collections.Concurrent;

namespace ExpoCluster.Core.Hub;

/// <summary>Where the Hub last sent us for a file, so that it is not asked anew for each of a thousand ranges.</summary>
internal sealed class HubLocations(TimeProvider clock)
{
    /// <summary>Signatures were seen to last an hour.</summary>
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(10);

    private readonly ConcurrentDictionary<string, Location> known = new(StringComparer.Ordinal);

    public Uri? Find(HubFile file) =>
        known.TryGetValue(file.Name, out Location? location) && clock.GetElapsedTime(location.Since) < Lifetime ? location.Uri : null;

    public void Keep(HubFile file, Uri uri) => known[file.Name] = new Location(uri, clock.GetTimestamp());

    public void Forget(HubFile file) => known.TryRemove(file.Name, out _);

    private sealed record Location(Uri Uri, long Since);
}
