using System.Data.Common;
using ExpoCluster.Tensors;

namespace ExpoCluster.Server.Dashboard.Live;

/// <summary>One thing that pages show as it changes. It is looked at once for all who watch, and only while somebody does.</summary>
/// <param name="look">Waits for something new, within a second or so, and gives the new picture.</param>
/// <param name="pace">The shortest time between two pictures.</param>
internal sealed class Feed<T>(Func<T?, Task<T>> look, TimeSpan pace)
    where T : class
{
    private static readonly TimeSpan TroublePause = TimeSpan.FromSeconds(2);

    private readonly Lock gate = new();
    private readonly List<Action> watchers = [];
    private int round;

    /// <summary>Null before the first look.</summary>
    public T? Latest { get; private set; }

    /// <summary>Why there is no newer picture; null when all is well.</summary>
    public string? Trouble { get; private set; }

    public bool IsWatched
    {
        get
        {
            lock (gate)
            {
                return watchers.Count > 0;
            }
        }
    }

    /// <param name="told">Called on no thread in particular when there is a new picture.</param>
    public IDisposable Watch(Action told)
    {
        lock (gate)
        {
            watchers.Add(told);
            if (watchers.Count == 1)
            {
                _ = LookAsync(++round);
            }
        }

        return new Watcher(() => Leave(told));
    }

    private void Leave(Action told)
    {
        lock (gate)
        {
            watchers.Remove(told);
        }
    }

    private async Task LookAsync(int own)
    {
        while (IsWanted(own))
        {
            TimeSpan pause = pace;
            try
            {
                Latest = await look(Latest).ConfigureAwait(false);
                Trouble = null;
            }
            catch (Exception exception) when (exception is ExpoException or DbException)
            {
                Trouble = exception is DbException ? $"The database does not answer ({exception.GetBaseException().Message})." : exception.Message;
                pause = TroublePause;
            }

            Tell();
            await Task.Delay(pause).ConfigureAwait(false);
        }
    }

    // Whoever came when all had left has begun a round of its own.
    private bool IsWanted(int own)
    {
        lock (gate)
        {
            return own == round && watchers.Count > 0;
        }
    }

    private void Tell()
    {
        Action[] all;
        lock (gate)
        {
            all = [.. watchers];
        }

        Array.ForEach(all, told => told());
    }

    private sealed class Watcher(Action leave) : IDisposable
    {
        private Action? leave = leave;

        public void Dispose() => Interlocked.Exchange(ref leave, null)?.Invoke();
    }
}
