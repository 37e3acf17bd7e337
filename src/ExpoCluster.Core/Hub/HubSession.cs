using System.Collections.Concurrent;

namespace ExpoCluster.Core.Hub;

/// <summary>One user's way to the Hub: environment, client and cache, and the commits that references mean in this run.</summary>
public sealed class HubSession : IDisposable
{
    private static readonly Lazy<HubSession> OfProcess = new(() => new HubSession(HubEnvironment.Current(), TimeProvider.System));

    private readonly ConcurrentDictionary<string, HubCommit> pins = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, HubSnapshot> snapshots = new(StringComparer.Ordinal);

    private readonly bool ownsClient;

    public HubSession(HubEnvironment environment, TimeProvider clock)
        : this(environment, new HubClient(environment, clock), new HubCache(environment.CacheDirectory, environment.UsesLinks))
    {
        ownsClient = true;
    }

    private HubSession(HubEnvironment environment, HubClient client, HubCache cache)
    {
        Environment = environment;
        Client = client;
        Cache = cache;
    }

    /// <summary>As the process's environment says; made when it is first needed.</summary>
    /// <exception cref="HubException">A variable of the environment has no meaning.</exception>
    public static HubSession Shared => OfProcess.Value;

    public HubEnvironment Environment { get; }

    public HubClient Client { get; }

    /// <summary>
    /// Files are named by their commits, <c>hf:org/name@commit/file</c>, also where the cache has them. Plans then do not depend on
    /// what the cache has, and whoever runs them looks there.
    /// </summary>
    public bool NamesByCommit { get; init; }

    public HubCache Cache { get; }

    /// <summary>What the references that were opened mean, as they were written.</summary>
    public IReadOnlyDictionary<string, HubCommit> Pins => pins;

    /// <summary>From now on the reference means this commit, whatever its branch does.</summary>
    public void Pin(string reference, HubCommit commit) => pins[reference] = commit;

    /// <summary>Ends whatever is asked of the Hub while checkpoints are opened and planned.</summary>
    internal CancellationToken Cancellation { get; private init; }

    /// <summary>The same way to the Hub, for a run of its own: what a branch means is asked anew.</summary>
    /// <param name="namesByCommit">As <see cref="NamesByCommit"/>.</param>
    /// <param name="cancellation">Nobody waits any more for what the run opens and plans.</param>
    public HubSession Anew(bool namesByCommit, CancellationToken cancellation = default) =>
        new(Environment, Client, Cache) { NamesByCommit = namesByCommit, Cancellation = cancellation };

    public void Dispose()
    {
        if (ownsClient)
        {
            Client.Dispose();
        }
    }

    /// <summary>The state of a model that the reference means: the same for the whole run.</summary>
    /// <exception cref="HubException">There is none, or nobody can say.</exception>
    internal HubSnapshot Find(HubReference reference)
    {
        if (snapshots.TryGetValue(reference.ToString(), out HubSnapshot? known))
        {
            return known;
        }

        HubCommit? pin = pins.GetValueOrDefault(reference.ToString());
        HubSnapshot found = new HubLookup(this).FindAsync(reference, pin, Cancellation).GetAwaiter().GetResult();
        pins[reference.ToString()] = found.Commit;
        return snapshots[reference.ToString()] = found;
    }
}
