using System.Collections.Concurrent;

namespace ExpoCluster.Core.Hub;

/// <summary>One user's way to the Hub: environment, client and cache, and the commits that references mean in this run.</summary>
public sealed class HubSession : IDisposable
{
    private static readonly Lazy<HubSession> OfProcess = new(() => new HubSession(HubEnvironment.Current(), TimeProvider.System));

    private readonly ConcurrentDictionary<string, HubCommit> pins = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, HubSnapshot> snapshots = new(StringComparer.Ordinal);

    public HubSession(HubEnvironment environment, TimeProvider clock)
    {
        Environment = environment;
        Client = new HubClient(environment, clock);
        Cache = new HubCache(environment.CacheDirectory, environment.UsesLinks);
    }

    /// <summary>As the process's environment says; made when it is first needed.</summary>
    /// <exception cref="HubException">A variable of the environment has no meaning.</exception>
    public static HubSession Shared => OfProcess.Value;

    public HubEnvironment Environment { get; }

    public HubClient Client { get; }

    public HubCache Cache { get; }

    /// <summary>What the references that were opened mean, as they were written.</summary>
    public IReadOnlyDictionary<string, HubCommit> Pins => pins;

    /// <summary>From now on the reference means this commit, whatever its branch does.</summary>
    public void Pin(string reference, HubCommit commit) => pins[reference] = commit;

    public void Dispose() => Client.Dispose();

    /// <summary>The state of a model that the reference means: the same for the whole run.</summary>
    /// <exception cref="HubException">There is none, or nobody can say.</exception>
    internal HubSnapshot Find(HubReference reference)
    {
        if (snapshots.TryGetValue(reference.ToString(), out HubSnapshot? known))
        {
            return known;
        }

        HubCommit? pin = pins.GetValueOrDefault(reference.ToString());
        HubSnapshot found = new HubLookup(this).FindAsync(reference, pin, CancellationToken.None).GetAwaiter().GetResult();
        pins[reference.ToString()] = found.Commit;
        return snapshots[reference.ToString()] = found;
    }
}
