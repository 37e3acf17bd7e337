using System.Diagnostics;
using ExpoCluster.Core.Telemetry;

namespace ExpoCluster.Core.Tests.Telemetry;

public sealed class JobTraceTests
{
    [Fact]
    public void The_trace_follows_from_the_jobs_id()
    {
        // printf 'expocluster job abc' | sha256sum | cut -c1-32
        Assert.Equal("8da6940732eee38b4695b16e0815960b", JobTrace.Of("abc").TraceId.ToString());
        Assert.Equal(default, JobTrace.Of("abc").SpanId);
        Assert.NotEqual(JobTrace.Of("abc").TraceId, JobTrace.Of("abd").TraceId);
    }

    [Fact]
    public void A_context_comes_back_as_it_was()
    {
        var context = new ActivityContext(JobTrace.Of("abc").TraceId, ActivitySpanId.CreateRandom(), ActivityTraceFlags.Recorded, traceState: null, isRemote: true);

        Assert.Equal(context, JobTrace.Above(JobTrace.Text(context), "abc"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("00-zz-1-01")]
    public void Where_nothing_was_said_it_is_the_jobs_trace(string traceParent)
    {
        Assert.Equal(JobTrace.Of("abc"), JobTrace.Above(traceParent, "abc"));
        Assert.Equal("", JobTrace.Text(JobTrace.Of("abc")));
    }

    [Fact]
    public void Spans_hang_on_each_other_in_the_jobs_trace_and_last_as_long_as_they_did()
    {
        List<Activity> ended = [];
        string job = "spans-" + Guid.NewGuid();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == EngineTelemetry.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> options) =>
                options.TraceId == JobTrace.Of(job).TraceId ? ActivitySamplingResult.AllDataAndRecorded : ActivitySamplingResult.None,
            ActivityStopped = ended.Add,
        };
        ActivitySource.AddActivityListener(listener);
        DateTimeOffset start = DateTimeOffset.UtcNow - TimeSpan.FromSeconds(5);

        using Activity request = new Activity("request").Start();
        ActivityContext plan = JobTrace.Record(JobTrace.Plan, JobTrace.Of(job), start, [new(JobTrace.JobAttribute, job)]);
        JobTrace.Record(JobTrace.Part, JobTrace.Above(JobTrace.Text(plan), job), start, [], "it broke");

        Assert.Equal([JobTrace.Plan, JobTrace.Part], ended.Select(span => span.OperationName));
        Assert.All(ended, span => Assert.Equal(JobTrace.Of(job).TraceId, span.TraceId));
        Assert.Equal((default(ActivitySpanId), ended[0].SpanId), (ended[0].ParentSpanId, ended[1].ParentSpanId));
        Assert.All(ended, span => Assert.True(span.Duration >= TimeSpan.FromSeconds(5)));
        Assert.Equal((ActivityStatusCode.Unset, ActivityStatusCode.Error, "it broke"), (ended[0].Status, ended[1].Status, ended[1].StatusDescription));
        Assert.Equal(job, ended[0].GetTagItem(JobTrace.JobAttribute));
        Assert.Equal(request.Context, Assert.Single(ended[0].Links).Context);
        Assert.Same(request, Activity.Current);
    }

    [Fact]
    public void Where_nobody_listens_a_span_is_the_one_above_it() => Assert.Equal(JobTrace.Of("abc"), JobTrace.Record(JobTrace.Plan, JobTrace.Of("abc"), DateTimeOffset.UtcNow, []));
}
