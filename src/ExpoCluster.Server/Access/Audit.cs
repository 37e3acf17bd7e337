using Akka.Actor;
using Akka.Event;
using Microsoft.AspNetCore.Http;

namespace ExpoCluster.Server.Access;

/// <summary>Who did what, and who was turned away: lines of the node's log that begin with the name of an event. No token is ever in them.</summary>
internal sealed class Audit(ActorSystem system)
{
    public const string JobSubmitted = "job-submitted";
    public const string JobCancelled = "job-cancelled";
    public const string JobResumed = "job-resumed";
    public const string JobPruned = "job-pruned";
    public const string SignedInEvent = "signed-in";
    public const string SignInRefused = "sign-in-refused";
    public const string RequestRefused = "request-refused";

    private const string Nobody = "nobody";

    private readonly ILoggingAdapter log = Logging.GetLogger(system, typeof(Audit));

    public void Submitted(Visitor visitor, string job) => SayOfJob(JobSubmitted, visitor, job);

    public void Cancelled(Visitor visitor, string job) => SayOfJob(JobCancelled, visitor, job);

    public void Resumed(Visitor visitor, string job) => SayOfJob(JobResumed, visitor, job);

    public void Pruned(Visitor visitor, string job) => SayOfJob(JobPruned, visitor, job);

    public void SignedIn(Visitor visitor) => log.Info("{Event} by {Who} ({Role}) at {Address}", SignedInEvent, NameOf(visitor), RoleOf(visitor), visitor.Address);

    public void RefusedSignIn(Visitor visitor) =>
        log.Warning("{Event} to {Who} ({Role}) at {Address}", SignInRefused, NameOf(visitor), RoleOf(visitor), visitor.Address);

    public void Refused(Visitor visitor, HttpRequest request, int status) => log.Warning(
        "{Event} to {Who} ({Role}) at {Address}: {Request} {Status}",
        RequestRefused,
        NameOf(visitor),
        RoleOf(visitor),
        visitor.Address,
        Visitor.Plain($"{request.Method} {request.Path.Value}"),
        status);

    private void SayOfJob(string happened, Visitor visitor, string job) =>
        log.Info("{Event} by {Who} ({Role}) at {Address}: job {Job}", happened, NameOf(visitor), RoleOf(visitor), visitor.Address, job);

    // Names of people change, and their authority may let them choose.
    private static string NameOf(Visitor visitor) => visitor.Subject is { } subject ? $"{visitor.Name} [{subject}]" : visitor.Name ?? Nobody;

    private static string RoleOf(Visitor visitor) => visitor.Role switch
    {
        AccessRole.Operator => "operator",
        AccessRole.Reader => "reader",
        _ => "no role",
    };
}
