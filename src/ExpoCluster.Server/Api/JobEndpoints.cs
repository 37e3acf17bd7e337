using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using ExpoCluster.Client;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Client.Plans;
using ExpoCluster.Client.Problems;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Server.Access;
using ExpoCluster.Server.Jobs;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Hosting;

namespace ExpoCluster.Server.Api;

/// <summary>What can be asked and told about jobs.</summary>
internal static class JobEndpoints
{
    private const string LastEventId = "Last-Event-ID";

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        RouteGroupBuilder jobs = endpoints.MapGroup("/api/jobs").WithTags("jobs").RequireAuthorization(AccessPolicies.Look);
        Describe(jobs.MapPost("", SubmitAsync), "submitJob", "Submit a job. Doing it again does no harm: the same id, or without id the same recipe and output, is the same job.")
            .RequireAuthorization(AccessPolicies.Act).Limit(RequestLimits.Submissions).Accepts<RecipeRequest>("application/json")
            .Produces<Job>(StatusCodes.Status201Created).Produces<Job>();
        Describe(jobs.MapGet("", ListAsync), "listJobs", "All jobs, newest first, a page at a time.").Produces<JobPage>();
        Describe(jobs.MapGet("{id}", ShowAsync), "showJob", "One job as it is now.").Produces<Job>();
        Describe(jobs.MapDelete("{id}", CancelAsync), "cancelJob", "Cancel a job; harmless for one that is cancelled.")
            .RequireAuthorization(AccessPolicies.Act).Produces<Job>();
        Describe(jobs.MapPost("{id}/resume", ResumeAsync), "resumeJob", "Let a suspended or failed job go on; harmless for one that runs.")
            .RequireAuthorization(AccessPolicies.Act).Produces<Job>();
        Describe(jobs.MapGet("{id}/events", WatchAsync), "watchJob", "Server-sent events: 'state' for each change, with an id to go on behind (Last-Event-ID), and 'progress' with the job as it is.")
            .Produces(StatusCodes.Status200OK, contentType: "text/event-stream").Produces(StatusCodes.Status204NoContent);
        Describe(endpoints.MapPost("/api/plan", PlanAsync), "plan", "What a job would do. Reads headers only, writes nothing.")
            .WithTags("plans").RequireAuthorization(AccessPolicies.Act).Limit(RequestLimits.Submissions).Accepts<RecipeRequest>("application/json").Produces<PlanDescription>();
    }

    private static RouteHandlerBuilder Describe(RouteHandlerBuilder endpoint, string name, string summary) => endpoint
        .WithName(name)
        .WithSummary(summary)
        .Produces<Problem>(StatusCodes.Status400BadRequest, Problem.MediaType);

    private static async Task<IResult> SubmitAsync(
        HttpContext context, JobSubmission submission, JobDesk desk, Audit audit, CancellationToken cancellation)
    {
        using JsonDocument body = await RequestBody.ReadAsync(context.Request, cancellation).ConfigureAwait(false);
        var visitor = Visitor.Of(context);
        Submission done = await submission.SubmitAsync(body.RootElement, visitor.Name, cancellation).ConfigureAwait(false);
        audit.Submitted(visitor, done.Entry.Job);
        Job job = await desk.DescribeAsync(done.Entry, cancellation).ConfigureAwait(false);
        context.Response.Headers.Location = "/api/jobs/" + job.Id;
        return Answer(job with { Notes = done.Notes, Warnings = CoverageFacts.Of(done.Warnings) }, done.IsNew ? StatusCodes.Status201Created : StatusCodes.Status200OK);
    }

    private static async Task<IResult> PlanAsync(HttpContext context, JobSubmission submission, CancellationToken cancellation)
    {
        using JsonDocument body = await RequestBody.ReadAsync(context.Request, cancellation).ConfigureAwait(false);
        PlanDescription plan = await submission.PlanAsync(body.RootElement, needsOutput: false, cancellation).ConfigureAwait(false);
        return Results.Json(plan, ContractJson.Default.PlanDescription);
    }

    private static async Task<IResult> ListAsync(
        JobDesk desk, string[]? state, string? limit, string? cursor, CancellationToken cancellation)
    {
        string[] states = state ?? [];
        if (states.FirstOrDefault(word => !JobStates.All.Contains(word)) is { } unknown)
        {
            throw new RefusalException(ApiProblems.WrongParameter("state", unknown, "one of " + string.Join(", ", JobStates.All)));
        }

        int count = ReadLimit(limit);
        RegisterPosition? after = cursor is null
            ? null
            : JobCursor.Read(cursor) ?? throw new RefusalException(ApiProblems.WrongParameter("cursor", cursor, "what a page before gave as 'next'"));
        ImmutableArray<Job> jobs = await desk.ListAsync(states, after, count + 1, cancellation).ConfigureAwait(false);
        string? next = jobs.Length > count ? JobCursor.Write(new RegisterPosition(jobs[count - 1].SubmittedAt, jobs[count - 1].Id)) : null;
        return Results.Json(new JobPage([.. jobs.Take(count)], next), ContractJson.Default.JobPage);
    }

    private static int ReadLimit(string? text)
    {
        if (text is null)
        {
            return JobQuery.DefaultLimit;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int limit) && limit is >= 1 and <= JobQuery.MaxLimit
            ? limit
            : throw new RefusalException(ApiProblems.WrongParameter("limit", text, $"a number from 1 to {JobQuery.MaxLimit}"));
    }

    private static async Task<IResult> ShowAsync(string id, JobDesk desk, CancellationToken cancellation) =>
        Answer(await desk.ShowAsync(id, cancellation).ConfigureAwait(false));

    private static async Task<IResult> CancelAsync(string id, HttpContext context, JobDesk desk, Audit audit, CancellationToken cancellation)
    {
        Job job = await desk.CancelAsync(id, cancellation).ConfigureAwait(false);
        audit.Cancelled(Visitor.Of(context), job.Id);
        return Answer(job);
    }

    private static async Task<IResult> ResumeAsync(string id, HttpContext context, JobDesk desk, Audit audit, CancellationToken cancellation)
    {
        Job job = await desk.ResumeAsync(id, cancellation).ConfigureAwait(false);
        audit.Resumed(Visitor.Of(context), job.Id);
        return Answer(job);
    }

    private static async Task WatchAsync(
        string id, HttpContext context, JobDesk desk, JobEvents events, IHostApplicationLifetime host, CancellationToken cancellation)
    {
        long after = 0;
        string last = context.Request.Headers[LastEventId].ToString();
        if (last.Length > 0 && !long.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out after))
        {
            throw new RefusalException(ApiProblems.WrongParameter(LastEventId, last, "the id of an event of this stream"));
        }

        await desk.FindAsync(id, cancellation).ConfigureAwait(false);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation, host.ApplicationStopping);
        try
        {
            await events.WriteAsync(context.Response, id, after, end.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The client is gone, or this node goes; then the client finds another.
        }
    }

    private static IResult Answer(Job job, int status = StatusCodes.Status200OK) =>
        Results.Json(job, ContractJson.Default.Job, statusCode: status);
}
