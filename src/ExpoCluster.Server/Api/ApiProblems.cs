using System.Data.Common;
using System.Text.Json;
using ExpoCluster.Client;
using ExpoCluster.Client.Problems;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Server.Access;
using ExpoCluster.Server.Jobs;
using ExpoCluster.Tensors;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace ExpoCluster.Server.Api;

/// <summary>The one place where errors become HTTP problems (RFC 9457).</summary>
internal static class ApiProblems
{
    public const string Unexpected = "EXPO3000";

    /// <summary>What is wrong with a request is told, but not more than somebody would read: its texts may be the request's own.</summary>
    private const int MaxProblems = 100;

    private const int MaxCharacters = 1000;

    /// <summary>Of the names of tensors of one kind of problem: those of ten thousand tensors.</summary>
    private const int MaxNameCharacters = 1 << 19;

    /// <summary>What a client is told of an exception: of what nobody foresaw, and of the database, no more than that, for the log has it.</summary>
    /// <param name="exception">What was met.</param>
    /// <param name="request">By which the log calls the request.</param>
    public static Problem Of(Exception exception, string request) => exception switch
    {
        UsageException usage => Of(StatusOf(usage.Code), usage.Code, usage.Message, usage.Advice) with
        {
            Problems = Details(usage.Problems, problem => new ProblemDetail(problem.Code, Short(problem.Path), Short(problem.Message), problem.Advice)),
        },
        PlanningException planning => Of(StatusOf(planning.Code), planning.Code, planning.Message, planning.Advice) with
        {
            Problems = Details(planning.Kinds, DetailOf),
        },
        ExpoException expo => Of(StatusOf(expo.Code), expo.Code, expo.Message, expo.Advice),
        DbException => Of(
            StatusCodes.Status503ServiceUnavailable,
            "EXPO5109",
            "the cluster's database does not answer; the node's log says why.",
            "send the request again when it is back; jobs under way wait for it by themselves."),
        _ when MemoryShortage.Of(exception) is { } shortage => Of(StatusCodes.Status503ServiceUnavailable, shortage.Code, shortage.Message, shortage.Advice),
        _ => Of(
            StatusCodes.Status500InternalServerError,
            Unexpected,
            $"the request failed in a way that nobody foresaw; the node's log has more of request {request}.",
            "please report this as a bug of ExpoCluster, with what the log says."),
    };

    public static Problem Of(int status, string code, string detail, string advice) => new()
    {
        Type = "urn:expocluster:error:" + code,
        Title = ReasonPhrases.GetReasonPhrase(status),
        Status = status,
        Code = code,
        Detail = Short(detail),
        Advice = Short(advice),
    };

    /// <param name="why">The token is not taken; null where none was shown.</param>
    public static Problem NotAuthenticated(string? why) => Of(
        StatusCodes.Status401Unauthorized,
        "EXPO5101",
        why ?? "the server asks for a token.",
        "give a token of the server's token file, or of its authority, by --token-file or EXPOCLUSTER_TOKEN, or in the header Authorization: Bearer TOKEN.");

    public static Problem NotPermitted(Visitor visitor) => Of(
        StatusCodes.Status403Forbidden,
        "EXPO5102",
        visitor.Role is null ? $"'{visitor.Name}' has no role here." : $"'{visitor.Name}' may look, but not act.",
        visitor.Role is null ? "have the authority give a role to this account." : "use the token of an operator.");

    public static Problem AuthoritySilent(Uri authority, string why) => Of(
        StatusCodes.Status503ServiceUnavailable,
        "EXPO5112",
        $"{authority}, which knows whose tokens are good, does not answer ({why}).",
        "send the request again when it is back.");

    public static Problem TooManyRequests(string what, int seconds) => Of(
        StatusCodes.Status429TooManyRequests, "EXPO5111", $"there were too many {what} in a short time.", $"wait {seconds} s, then send the request again.");

    public static Problem TooManyConnections() => Of(
        StatusCodes.Status503ServiceUnavailable,
        "EXPO5115",
        "this node has as many connections as it takes, all together or from this address.",
        "close connections that are not needed, then send the request again; /health answers meanwhile.");

    public static Problem StillStarting() => Of(
        StatusCodes.Status503ServiceUnavailable,
        ExpoClusterException.StillStarting,
        "this node starts, and is no member of the cluster yet.",
        "send the request again in a moment; /health/ready says what it waits for.");

    public static Problem TooLarge(long maxBytes) => Of(
        StatusCodes.Status413PayloadTooLarge, "EXPO5103", $"the body is longer than {maxBytes} bytes.", "a recipe needs a few lines; check what was sent.");

    public static Problem NotJson(string why) => Of(
        StatusCodes.Status400BadRequest, "EXPO5104", $"the body is not one JSON object of a recipe's keys: {why}", "see /openapi/v1.json for what is expected.");

    public static Problem WrongMediaType(string? found) => Of(
        StatusCodes.Status415UnsupportedMediaType,
        "EXPO5104",
        $"the body must be application/json, but is {(string.IsNullOrEmpty(found) ? "of no type" : found)}.",
        "send JSON with the header Content-Type: application/json.");

    public static Problem NoSuchAddress(HttpRequest request, int status) => Of(
        status,
        "EXPO5106",
        status == StatusCodes.Status405MethodNotAllowed
            ? $"{request.Path} does not take {request.Method}."
            : $"there is nothing at {request.Method} {request.Path}.",
        "see /openapi/v1.json for what there is.");

    public static Problem ForeignOrigin(string origin) => Of(
        StatusCodes.Status403Forbidden,
        "EXPO5107",
        $"the request comes from, or goes to, {origin}, which is not this server.",
        "use the server's own address; under a name of its own it needs --auth.");

    public static Problem WrongParameter(string name, string value, string expected) => Of(
        StatusCodes.Status400BadRequest, "EXPO5110", $"parameter {name}: '{value}' is not {expected}.", "correct or remove it.");

    public static Task WriteAsync(HttpContext context, Problem problem)
    {
        context.Response.StatusCode = problem.Status;
        context.Response.ContentType = Problem.MediaType;
        return context.Response.WriteAsync(JsonSerializer.Serialize(problem, ContractJson.Default.Problem));
    }

    private static ProblemDetail[] Details<T>(IReadOnlyCollection<T> problems, Func<T, ProblemDetail> describe)
    {
        ProblemDetail[] told = [.. problems.Take(MaxProblems).Select(describe)];
        return problems.Count <= MaxProblems
            ? told
            : [.. told, told[^1] with { Path = "", Message = $"and {problems.Count - MaxProblems} problems more.", Advice = null }];
    }

    private static ProblemDetail DetailOf(PlanProblemKind kind) => new(kind.Code, Short(kind.Path), Short(kind.Message), Short(kind.Advice))
    {
        Count = kind.Count, Pattern = Short(kind.Pattern), Examples = kind.Examples, Tensors = [.. kind.NamesWithin(MaxNameCharacters)],
    };

    private static string Short(string text) => text.Length > MaxCharacters ? text[..MaxCharacters] + " …" : text;

    private static int StatusOf(string code) => code switch
    {
        JobException.NoSuchJob => StatusCodes.Status404NotFound,
        JobException.Claimed or JobException.IdTaken or JobException.WrongPhase or JobException.JournalDamaged => StatusCodes.Status409Conflict,
        OutputPreflight.OutputTaken or OutputPreflight.OtherPlanInProgress or StorageException.NotADirectory or StorageException.NotPlain or StorageException.Displaced => StatusCodes.Status409Conflict,
        JobException.NoAnswer or PlannerException.Busy or PlannerException.TooLong => StatusCodes.Status503ServiceUnavailable,
        HubErrors.Unreachable or HubErrors.ServerFailed or HubErrors.RateLimited => StatusCodes.Status503ServiceUnavailable,
        StorageException.Full => StatusCodes.Status507InsufficientStorage,
        ['E', 'X', 'P', 'O', '1' or '2' or '5', ..] => StatusCodes.Status422UnprocessableEntity,
        _ => StatusCodes.Status500InternalServerError,
    };
}
