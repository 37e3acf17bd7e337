using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Planning;

namespace ExpoCluster.Core.Parts;

/// <summary>
/// What one part reads from the Hub. All that it needs of a file in one piece comes through one request, in its order, as the tiles
/// ask for it.
/// </summary>
internal sealed class RemoteReads : IDisposable
{
    /// <summary>Bytes that are rather read and dropped than made a reason for another request.</summary>
    internal const int MaxGapBytes = 64 << 10;

    private const int LeaseCheckMilliseconds = 200;

    private readonly PartOrder order;
    private readonly CancellationTokenSource revoked = new();
    private readonly Dictionary<int, RemoteRun[]> runs;

    public RemoteReads(PartOrder order, PlannedFile file)
    {
        this.order = order;
        runs = InputSlice.Of(order, file)
            .Where(slice => order.Inputs.IsRemote(slice.Input))
            .GroupBy(slice => slice.Input)
            .ToDictionary(slices => slices.Key, slices => RunsOf(order.Plan.Inputs[slices.Key], slices));
    }

    /// <summary>Fills the buffer with the bytes of an input from <paramref name="offset"/> on.</summary>
    /// <exception cref="HubException">They cannot be had.</exception>
    /// <exception cref="OperationCanceledException">The part's lease has ended while the network was waited for.</exception>
    public void Read(int input, long offset, Memory<byte> buffer)
    {
        RemoteRun run = runs[input].Last(run => run.Begin <= offset);
        Task reading = run.ReadAsync(order.Inputs.Hub, offset, buffer, revoked.Token).AsTask();
        while (!reading.IsCompleted)
        {
            if (!order.Lease.IsValid)
            {
                revoked.Cancel();
            }

            Task.WaitAny([reading], LeaseCheckMilliseconds);
        }

        reading.GetAwaiter().GetResult();
    }

    public void Dispose()
    {
        foreach (RemoteRun run in runs.Values.SelectMany(ofInput => ofInput))
        {
            run.Dispose();
        }

        revoked.Dispose();
    }

    private static RemoteRun[] RunsOf(PlanInput input, IEnumerable<InputSlice> slices) =>
    [
        .. InputSlice.Join(slices, MaxGapBytes).Select(slice => new RemoteRun(HubFile.OfPlan(input.Path, input.ByteLength), slice.Begin, slice.End)),
    ];
}
