using ExpoCluster.Core.Telemetry;

namespace ExpoCluster.Core.Parts;

/// <summary>A part that is durable, was abandoned or has failed.</summary>
/// <param name="Order">What was asked for.</param>
/// <param name="Outcome">What came of it.</param>
/// <param name="EndedAt">When.</param>
/// <param name="Duration">From a lane's begin with it to its bytes being durable.</param>
public sealed record FinishedPart(PartOrder Order, PartOutcome Outcome, DateTimeOffset EndedAt, TimeSpan Duration)
{
    /// <summary>Leaves a span in the job's trace, if the order says where it belongs.</summary>
    internal void Trace()
    {
        if (Order.Above is not { } above)
        {
            return;
        }

        JobTrace.Record(
            JobTrace.Part,
            above.Context,
            EndedAt - Duration,
            [
                new(JobTrace.JobAttribute, Order.Job),
                new(JobTrace.NodeAttribute, above.Node),
                new(JobTrace.FileAttribute, Order.Plan.Files[Order.Part.File].Name),
                new(JobTrace.PartAttribute, Order.Part.Index),
                new(JobTrace.BytesAttribute, Order.OutputBytes),
                new(JobTrace.OutcomeAttribute, PartMetrics.Word(Outcome)),
            ],
            (Outcome as PartOutcome.Failed)?.Message);
    }
}
