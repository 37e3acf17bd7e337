using ExpoCluster.Core.Planning;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Parts;

/// <summary>A part between its order and its lane. Meanwhile what it maps comes from the disk, if memory does not hold it.</summary>
/// <remarks>
/// Only what was not in memory is brought, and given back behind the part: a merge of more than the machine's memory then leaves the
/// page cache to others, and one of files that somebody else uses leaves them where they are.
/// </remarks>
internal sealed class WaitingPart(PartOrder order, Action<FinishedPart> finished)
{
    private readonly Lock gate = new();
    private readonly List<InputSlice> brought = [];
    private bool isDone;

    public PartOrder Order { get; } = order;

    public Action<FinishedPart> Finished { get; } = finished;

    /// <summary>Brings what is missing, once. The lane that takes the part calls it too, and so waits for a call that is under way.</summary>
    public void ReadAhead()
    {
        lock (gate)
        {
            if (!isDone && Order.Mode == ReadMode.Mapped && Order.Lease.IsValid)
            {
                Bring();
            }

            isDone = true;
        }
    }

    /// <summary>Gives back the memory of what was brought, when the lane has read it.</summary>
    public void Release()
    {
        foreach (InputSlice slice in brought)
        {
            Order.Inputs.Release(slice);
        }
    }

    private void Bring()
    {
        try
        {
            PlannedFile layout = Order.Plan.Files[Order.Targets[0].File];
            brought.AddRange(InputSlice.Of(Order, layout)
                .Where(slice => !Order.Inputs.IsRemote(slice.Input))
                .GroupBy(slice => slice.Input)
                .SelectMany(slices => InputSlice.Join(slices, maxGapBytes: 0))
                .Where(IsMissing));
            brought.ForEach(Order.Inputs.ReadAhead);
        }
        catch (Exception exception) when (exception is ExpoException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            // The lane meets it as well, and says so.
        }
    }

    private bool IsMissing(InputSlice slice) => Order.Inputs.ResidentBytes(slice) < slice.ByteCount * LaneInput.ResidentShare;
}
