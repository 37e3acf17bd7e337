using System.Globalization;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Planning;

/// <summary>What one plan may take: so much reading and comparing, and no longer than somebody waits for it. Several threads may spend of it.</summary>
/// <remarks>The largest published model, of 671 billion parameters, takes 92,000 tensors and 16 MB of headers on each side.</remarks>
/// <param name="cancellation">Nobody waits any more.</param>
public sealed class PlanningWork(CancellationToken cancellation)
{
    /// <summary>Characters of names and patterns that are compared: some seconds.</summary>
    internal const long MaxMatchSteps = 4_000_000_000;

    /// <summary>Of both checkpoints together.</summary>
    internal const long MaxTensors = 2_000_000;

    /// <summary>Read of both checkpoints together: their headers, and small tensors that are compared.</summary>
    internal const long MaxBytes = 1L << 30;

    private long matchSteps;
    private long tensors;
    private long bytes;

    /// <summary>What both checkpoints have in common; used by one thread.</summary>
    internal SharedTexts Shared { get; } = new();

    /// <summary>Where somebody waits for as long as it takes.</summary>
    internal static PlanningWork Unhurried() => new(CancellationToken.None);

    /// <summary>Before one pattern is tried, which nobody can interrupt.</summary>
    /// <exception cref="UsageException">It might cost too much by itself.</exception>
    internal static void CheckMatching(int patternLength, int nameLength)
    {
        if ((long)patternLength * nameLength > MaxMatchSteps / 10)
        {
            throw new UsageException(RecipeProblems.PatternsCostTooMuch(MaxMatchSteps));
        }
    }

    /// <exception cref="UsageException">The patterns cost too much.</exception>
    internal void SpendMatching(long steps)
    {
        if (Interlocked.Add(ref matchSteps, steps) > MaxMatchSteps)
        {
            throw new UsageException(RecipeProblems.PatternsCostTooMuch(MaxMatchSteps));
        }

        Continue();
    }

    /// <exception cref="UsageException">There are too many tensors.</exception>
    internal void SpendTensors(int count)
    {
        if (Interlocked.Add(ref tensors, count) > MaxTensors)
        {
            throw new UsageException(RecipeProblems.TooMuchToPlan(string.Create(CultureInfo.InvariantCulture, $"more than {MaxTensors} tensors")));
        }
    }

    /// <exception cref="UsageException">Too much is read.</exception>
    internal void SpendBytes(long count)
    {
        if (Interlocked.Add(ref bytes, count) > MaxBytes)
        {
            throw new UsageException(RecipeProblems.TooMuchToPlan($"more than {ByteSize.Format(MaxBytes)} of headers and small tensors to compare"));
        }

        Continue();
    }

    /// <exception cref="OperationCanceledException">Nobody waits any more.</exception>
    internal void Continue() => cancellation.ThrowIfCancellationRequested();

    /// <summary>The same file, whose reads are counted and end with this.</summary>
    internal WeightsFile Watched(WeightsFile file) => file with { Bytes = new WatchedSource(file.Bytes, this) };

    private sealed class WatchedSource(ByteSource inner, PlanningWork work) : ByteSource
    {
        public override string Name => inner.Name;

        public override long ByteLength => inner.ByteLength;

        public override bool IsRemote => inner.IsRemote;

        public override void ReadExactly(Span<byte> buffer, long offset)
        {
            work.SpendBytes(buffer.Length);
            inner.ReadExactly(buffer, offset);
        }

        protected override void Dispose(bool disposing) => inner.Dispose();
    }
}
