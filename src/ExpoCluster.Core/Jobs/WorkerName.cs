namespace ExpoCluster.Core.Jobs;

/// <summary>A worker's name is its node's address and, behind a #, a number that tells a process from those before it there.</summary>
public static class WorkerName
{
    /// <summary>Whether two names are of different processes at one address, of which only one can be alive.</summary>
    public static bool IsPredecessor(string other, string worker) =>
        other != worker && AddressOf(other) is { Length: > 0 } address && address.SequenceEqual(AddressOf(worker));

    private static ReadOnlySpan<char> AddressOf(string worker) => worker.AsSpan(0, Math.Max(0, worker.LastIndexOf('#')));
}
