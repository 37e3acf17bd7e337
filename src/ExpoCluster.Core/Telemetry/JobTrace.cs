using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;

namespace ExpoCluster.Core.Telemetry;

/// <summary>The trace of a job, across nodes and across coordinators that follow each other.</summary>
/// <remarks>
/// Its id follows from the job's, so that whoever knows the job finds the trace, and a coordinator that takes over, or a node of an
/// earlier version in between, tears nothing apart. Spans are made when they are over: nothing is open that a killed process could lose but
/// what it was doing.
/// </remarks>
public static class JobTrace
{
    public const string Plan = "plan";
    public const string Stage = "stage";
    public const string Transfer = "transfer";
    public const string Part = "part";
    public const string Seal = "seal";
    public const string Publish = "publish";
    public const string Job = "job";

    /// <summary>Names of attributes.</summary>
    public const string JobAttribute = "expocluster.job";
    public const string FileAttribute = "expocluster.file";
    public const string PartAttribute = "expocluster.part";
    public const string NodeAttribute = "expocluster.node";
    public const string OutcomeAttribute = "expocluster.outcome";
    public const string BytesAttribute = "expocluster.bytes";

    private const int TraceIdBytes = 16;

    /// <summary>The job's trace, where no span of it is known.</summary>
    public static ActivityContext Of(string job) => new(
        ActivityTraceId.CreateFromBytes(SHA256.HashData(Encoding.UTF8.GetBytes("expocluster job " + job)).AsSpan(0, TraceIdBytes)),
        spanId: default,
        ActivityTraceFlags.Recorded,
        isRemote: true);

    /// <summary>What a message said the span above is, as W3C writes it; the job's trace where it said nothing that can be read.</summary>
    public static ActivityContext Above(string traceParent, string job) =>
        ActivityContext.TryParse(traceParent, traceState: null, isRemote: true, out ActivityContext context) ? context : Of(job);

    /// <summary>As W3C writes it; empty where there is no span yet.</summary>
    public static string Text(ActivityContext context) => context.SpanId == default
        ? ""
        : $"00-{context.TraceId}-{context.SpanId}-{(context.TraceFlags.HasFlag(ActivityTraceFlags.Recorded) ? "01" : "00")}";

    /// <summary>A span that ends now.</summary>
    /// <param name="name">One of the constants of this class.</param>
    /// <param name="above">The span above it.</param>
    /// <param name="start">When it began.</param>
    /// <param name="attributes">What is known of it.</param>
    /// <param name="error">Why it failed; null when it did not.</param>
    /// <returns>What spans below it hang on: where nobody listens, the span above it.</returns>
    public static ActivityContext Record(
        string name, ActivityContext above, DateTimeOffset start, ReadOnlySpan<KeyValuePair<string, object?>> attributes, string? error = null)
    {
        if (!EngineTelemetry.Spans.HasListeners())
        {
            return above;
        }

        // Who asked for it belongs to another trace, to that of a request for example: it is linked to, and must not become the parent of a root.
        Activity? asking = Activity.Current;
        ActivityLink[] links = asking is not null && asking.TraceId != above.TraceId ? [new ActivityLink(asking.Context)] : [];
        Activity.Current = null;
        try
        {
            return Record(name, above, start, attributes.ToArray(), links, error);
        }
        finally
        {
            Activity.Current = asking;
        }
    }

    private static ActivityContext Record(
        string name, ActivityContext above, DateTimeOffset start, KeyValuePair<string, object?>[] attributes, ActivityLink[] links, string? error)
    {
        using Activity? span = EngineTelemetry.Spans.StartActivity(name, ActivityKind.Internal, above, attributes, links, start);
        if (span is null)
        {
            return above;
        }

        if (error is not null)
        {
            span.SetStatus(ActivityStatusCode.Error, error);
        }

        return span.Context;
    }
}
