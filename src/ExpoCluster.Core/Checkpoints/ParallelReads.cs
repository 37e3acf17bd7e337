using System.Collections.Immutable;
using System.Runtime.ExceptionServices;

namespace ExpoCluster.Core.Checkpoints;

/// <summary>Reads several files at once and gives what was read in their order.</summary>
internal static class ParallelReads
{
    /// <param name="names">Of the files.</param>
    /// <param name="atOnce">Threads; they wait for a disk or a network, so they may be more than there are processors.</param>
    /// <param name="read">Reads one.</param>
    /// <remarks>What goes wrong with the first file, in their order, is what is thrown.</remarks>
    public static ImmutableArray<T> Select<T>(ImmutableArray<string> names, int atOnce, Func<string, T> read)
    {
        if (atOnce <= 1 || names.Length <= 1)
        {
            return [.. names.Select(read)];
        }

        var results = new T[names.Length];
        var faults = new ExceptionDispatchInfo?[names.Length];
        int next = -1;
        void Run()
        {
            for (int index = Interlocked.Increment(ref next); index < names.Length; index = Interlocked.Increment(ref next))
            {
                try
                {
                    results[index] = read(names[index]);
                }
#pragma warning disable CA1031 // The edge of a thread: it is thrown again on the caller's.
                catch (Exception exception)
#pragma warning restore CA1031
                {
                    faults[index] = ExceptionDispatchInfo.Capture(exception);
                    Volatile.Write(ref next, names.Length);
                }
            }
        }

        Thread[] threads = [.. Enumerable.Range(0, Math.Min(atOnce, names.Length)).Select(_ => new Thread(Run) { IsBackground = true })];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        faults.FirstOrDefault(fault => fault is not null)?.Throw();
        return [.. results];
    }
}
