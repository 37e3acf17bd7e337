using ExpoCluster.Client.Problems;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ExpoCluster.Server.Api;

/// <summary>Turns whatever goes wrong on the way of a request into a problem's body.</summary>
internal sealed partial class ProblemAnswers(RequestDelegate next, ILogger<ProblemAnswers> log)
{
    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context).ConfigureAwait(false);
            if (!context.Response.HasStarted && context.Response.ContentType is null && ProblemOf(context) is { } bare)
            {
                await ApiProblems.WriteAsync(context, bare).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody listens any more.
        }
#pragma warning disable CA1031 // The edge of the server: no stack trace may reach a client.
        catch (Exception exception) when (!context.Response.HasStarted)
#pragma warning restore CA1031
        {
            Problem problem = exception is RefusalException refusal ? refusal.Problem : ApiProblems.Of(exception, context.TraceIdentifier);
            if (problem.Status == StatusCodes.Status500InternalServerError)
            {
                LogFailure(log, context.Request.Method, context.Request.Path, context.TraceIdentifier, problem.Code, exception);
            }
            else if (problem.Status > StatusCodes.Status500InternalServerError)
            {
                LogRefusal(log, context.Request.Method, context.Request.Path, problem.Status, problem.Code, exception.GetBaseException().Message);
            }

            context.Response.Clear();
            await ApiProblems.WriteAsync(context, problem).ConfigureAwait(false);
        }
    }

    // The router refuses by a status alone.
    private static Problem? ProblemOf(HttpContext context) => context.Response.StatusCode switch
    {
        StatusCodes.Status404NotFound or StatusCodes.Status405MethodNotAllowed =>
            ApiProblems.NoSuchAddress(context.Request, context.Response.StatusCode),
        StatusCodes.Status415UnsupportedMediaType => ApiProblems.WrongMediaType(context.Request.ContentType),
        _ => null,
    };

    [LoggerMessage(LogLevel.Error, "{Method} {Path} failed (request {Request}, {Code}):")]
    private static partial void LogFailure(ILogger log, string method, PathString path, string request, string code, Exception exception);

    [LoggerMessage(LogLevel.Warning, "{Method} {Path} was answered with {Status} {Code}: {Why}")]
    private static partial void LogRefusal(ILogger log, string method, PathString path, int status, string code, string why);
}
