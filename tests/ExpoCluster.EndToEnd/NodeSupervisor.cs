using System.Collections.Concurrent;

namespace ExpoCluster.EndToEnd;

/// <summary>Keeps nodes running, as an init system would: what has ended, or was killed, is started again at once on its address.</summary>
public sealed class NodeSupervisor : IDisposable
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(100);

    private readonly Lock gate = new();
    private readonly List<Place> places = [];
    private readonly ConcurrentQueue<string> ends = [];
    private readonly Timer timer;
    private bool isStopped;

    public NodeSupervisor() => timer = new Timer(_ => Look(), null, LookInterval, LookInterval);

    /// <summary>The last words of each process that ended by itself.</summary>
    public IReadOnlyCollection<string> Ends => ends;

    /// <summary>Of those, the ones that the others had given up, and that stepped down.</summary>
    public int StepDowns => ends.Count(words => words.Contains("EXPO5013", StringComparison.Ordinal));

    /// <summary>Starts a process that is to stay.</summary>
    /// <returns>Its number.</returns>
    public int Keep(Func<ExpoProcess> start)
    {
        lock (gate)
        {
            places.Add(new Place(start) { Current = start() });
            return places.Count - 1;
        }
    }

    public ExpoProcess Current(int number)
    {
        lock (gate)
        {
            return places[number].Current;
        }
    }

    /// <summary>SIGKILL, and a new process in its place.</summary>
    public void Kill(int number)
    {
        lock (gate)
        {
            places[number].Current.Kill();
            places[number].Current = places[number].Start();
        }
    }

    /// <summary>From now on what ends stays so.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            isStopped = true;
        }

        timer.Dispose();
    }

    private void Look()
    {
        lock (gate)
        {
            foreach (Place place in isStopped ? [] : places.Where(place => place.Current.HasExited))
            {
                ends.Enqueue(place.Current.Wait().Errors);
                place.Current = place.Start();
            }
        }
    }

    private sealed record Place(Func<ExpoProcess> Start)
    {
        public required ExpoProcess Current { get; set; }
    }
}
