using System.Collections.Concurrent;
using Akka.Actor;
using Akka.Event;
using ExpoCluster.Client;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Client.Problems;
using ExpoCluster.Server.Access;
using ExpoCluster.Server.Tests.Api;

namespace ExpoCluster.Server.Tests.Access;

/// <summary>Who did what, as the node's log has it.</summary>
public sealed class AuditTests : ApiScene
{
    private const string Operator = "operator-token-0123456789";
    private const string Reader = "reader-token-0123456789ab";
    private const string Wrong = "token-of-nobody-0123456789";

    private readonly ConcurrentQueue<LogEvent> said = new();

    public override async Task InitializeAsync()
    {
        UseTokens($"{Operator} operator alice", $"{Reader} reader rhea");
        await StartAsync(Operator);
        IActorRef listener = Node.Node.System.ActorOf(Props.Create(() => new Listener(said)));
        Node.Node.System.EventStream.Subscribe(listener, typeof(LogEvent));
    }

    [Fact]
    public async Task Whoever_submits_cancels_and_resumes_is_named()
    {
        await FinishedAsync(Recipe(id: "mine"));
        await Assert.ThrowsAsync<ExpoClusterException>(() => Client.CancelAsync("mine"));
        Rate = 64 << 10;
        await StopAsync();
        await StartAgainAsync();
        await Client.SubmitAsync(Recipe(id: "other", output: "other"));
        await Client.ResumeAsync("other");
        await Client.CancelAsync("other");

        await UntilAsync(() => Lines().Length >= 4);

        Assert.Equal(
            [
                "job-submitted by alice (operator) at 127.0.0.1: job mine",
                "job-submitted by alice (operator) at 127.0.0.1: job other",
                "job-resumed by alice (operator) at 127.0.0.1: job other",
                "job-cancelled by alice (operator) at 127.0.0.1: job other",
            ],
            Lines());
    }

    [Fact]
    public async Task Whoever_is_turned_away_is_named_too()
    {
        using var reader = new ExpoClusterClient(Node.Http!, Reader);
        using var stranger = new ExpoClusterClient(Node.Http!, Wrong);
        await Assert.ThrowsAsync<ExpoClusterException>(() => reader.CancelAsync("mine"));
        await Assert.ThrowsAsync<ExpoClusterException>(() => stranger.ListAsync(new JobQuery()));
        await Http.GetAsync("/health/live");

        await UntilAsync(() => Lines().Length >= 2);

        Assert.Equal(
            ["request-refused to rhea (reader) at 127.0.0.1: DELETE /api/jobs/mine 403", "request-refused to nobody (no role) at 127.0.0.1: GET /api/jobs 401"],
            Lines());
        Assert.True(said.First(IsAudit).TryGetProperties(out IReadOnlyDictionary<string, object>? facts));
        Assert.Equal(
            ["Event request-refused", "Who rhea", "Role reader", "Address 127.0.0.1", "Request DELETE /api/jobs/mine", "Status 403"],
            facts!.Select(fact => $"{fact.Key} {fact.Value}"));
    }

    [Fact]
    public async Task Signing_in_is_noted_and_no_token_is()
    {
        await Http.PostAsync("/sign-in", new FormUrlEncodedContent([new("token", Wrong)]));
        await Http.PostAsync("/sign-in", new FormUrlEncodedContent([new("token", Reader)]));

        await UntilAsync(() => Lines().Length >= 2);

        Assert.Equal(["sign-in-refused to nobody (no role) at 127.0.0.1", "signed-in by rhea (reader) at 127.0.0.1"], Lines());
        Assert.DoesNotContain(said, entry => new[] { Operator, Reader, Wrong }.Any(token => entry.ToString().Contains(token, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Nobody_writes_lines_of_his_own_into_it()
    {
        Http.DefaultRequestHeaders.Authorization = null;
        await Http.GetAsync("/api/jobs/x%0A12:00:00.000%20info%20Audit:%20job-submitted%20by%20root");

        await UntilAsync(() => Lines().Length >= 1);

        Assert.DoesNotContain('\n', Assert.Single(Lines()));
    }

    private async Task StartAgainAsync()
    {
        await StartAsync(Operator);
        IActorRef listener = Node.Node.System.ActorOf(Props.Create(() => new Listener(said)));
        Node.Node.System.EventStream.Subscribe(listener, typeof(LogEvent));
    }

    private string[] Lines() => [.. said.Where(IsAudit).Select(entry => entry.Message.ToString()!)];

    private static bool IsAudit(LogEvent entry) => entry.LogClass == typeof(Audit);

    private sealed class Listener : ReceiveActor
    {
        public Listener(ConcurrentQueue<LogEvent> heard) => Receive<LogEvent>(heard.Enqueue);
    }
}
