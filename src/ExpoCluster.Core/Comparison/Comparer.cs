using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Statistics;

namespace ExpoCluster.Core.Comparison;

/// <summary>Measures what a merge would change, without writing anything: the merge's own parts, kernels and measures.</summary>
/// <remarks>
/// Files are read, not mapped, unless that is asked for: one that is truncated meanwhile is an error and does not kill the process.
/// </remarks>
public static class Comparer
{
    private static readonly TimeSpan Forever = TimeSpan.FromDays(365);

    /// <summary>By name, so that nobody asks whether all of it was meant.</summary>
    private static readonly MismatchRule Whatever = new MismatchRule.ByPattern(
        new TensorPatterns<MismatchPolicy>([new TensorPattern<MismatchPolicy>("*", MismatchPolicy.CopyAligned)]));

    /// <param name="recipe">What would be merged; what base and aligned do not share is passed over.</param>
    /// <param name="lanes">Computing threads.</param>
    /// <param name="reads">How inputs are read.</param>
    /// <param name="progress">Told how many bytes of how many are done, from any thread.</param>
    /// <param name="cancellation">Stops after the tiles under way.</param>
    /// <exception cref="ExpoException">An input cannot be read, or was changed meanwhile.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static CheckpointComparison Compare(
        Recipe recipe, int lanes, ReadMode reads = ReadMode.Positioned, Action<long, long>? progress = null, CancellationToken cancellation = default)
    {
        PlannedMerge merge = Planner.Plan(
            recipe with { OnMismatch = Whatever, Sweep = [] }, options: new PlanOptions { IsComparison = true });
        Plan plan = merge.Plan;
        ReadMode mode = reads == ReadMode.Mapped ? ReadMode.Mapped : ReadMode.Positioned;
        using var inputs = new InputFiles(plan, seen: SeenInputs.Of(merge));
        PartRange[] parts =
        [
            .. Enumerable.Range(0, plan.Files.Length).SelectMany(file =>
                Enumerable.Range(0, plan.Files[file].PartCount).Select(part => PartGrid.Part(file, part, plan.Files[file].ByteLength))),
        ];
        var results = new PartResult[parts.Length];
        var executors = new ConcurrentBag<PartExecutor>();
        long done = 0;
        try
        {
            Parallel.For(0, parts.Length, new ParallelOptions { MaxDegreeOfParallelism = lanes, CancellationToken = cancellation }, index =>
            {
                PartExecutor executor = executors.TryTake(out PartExecutor? free) ? free : new PartExecutor(rate: null);
                results[index] = Measure(executor, plan, parts[index], inputs, mode, cancellation);
                executors.Add(executor);
                progress?.Invoke(Interlocked.Add(ref done, parts[index].ByteCount), plan.OutputByteCount);
            });
        }
        catch (AggregateException failures)
        {
            // Several lanes may have met the same file; one error is enough, and one that says what to do is better.
            ExceptionDispatchInfo.Throw(failures.InnerExceptions.OfType<ExpoException>().FirstOrDefault() ?? failures.InnerExceptions[0]);
        }
        finally
        {
            foreach (PartExecutor executor in executors)
            {
                executor.Dispose();
            }
        }

        return CheckpointComparison.Of(merge, Gather(plan, parts, results));
    }

    private static PartResult Measure(PartExecutor executor, Plan plan, PartRange part, InputFiles inputs, ReadMode mode, CancellationToken cancellation)
    {
        var lease = new WriteLease(TimeProvider.System, Forever);
        using CancellationTokenRegistration onCancel = cancellation.Register(lease.Revoke);
        var order = new PartOrder(
            "", new Attempt(1, 1), Generation: 0, plan, part, [new PartTarget(part.File, 0, "")], inputs, mode, lease);
        return executor.Execute(order, []) is PartOutcome.Computed computed
            ? computed.Results[0]
            : throw new OperationCanceledException(cancellation);
    }

    // In the order of parts, so that equal inputs give equal figures.
    private static Dictionary<string, DeltaSums> Gather(Plan plan, PartRange[] parts, PartResult[] results)
    {
        var sums = new Dictionary<string, DeltaSums>(StringComparer.Ordinal);
        foreach ((PartRange part, PartResult result) in parts.Zip(results))
        {
            foreach (TensorSums tensor in PartStatistics.Decode(result.Statistics.Span).Where(tensor => tensor.Tensor >= 0))
            {
                string name = plan.Files[part.File].Tensors[tensor.Tensor].Entry.Name;
                sums[name] = sums.GetValueOrDefault(name) + tensor.Sums;
            }
        }

        return sums;
    }
}
