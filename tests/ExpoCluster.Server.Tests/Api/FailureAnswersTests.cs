using System.Collections.Concurrent;
using System.Data.Common;
using System.Text;
using Akka.Actor;
using Akka.Configuration;
using Akka.Event;
using ExpoCluster.Core.Storage;
using ExpoCluster.Server.Api;
using ExpoCluster.Server.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ExpoCluster.Server.Tests.Api;

/// <summary>What a client is told when a request fails, and what the log is.</summary>
public sealed class FailureAnswersTests : IAsyncLifetime
{
    private const string Secret = "Host=db;Password=secret";

    private readonly ActorSystem system = ActorSystem.Create("log", ConfigurationFactory.ParseString("akka { loglevel = INFO, stdout-loglevel = OFF, loggers = [] }"));
    private readonly ConcurrentQueue<LogEvent> said = new();

    public async Task InitializeAsync()
    {
        IActorRef listener = system.ActorOf(Props.Create(() => new Listener(said)));
        system.EventStream.Subscribe(listener, typeof(LogEvent));
        await Task.CompletedTask;
    }

    public Task DisposeAsync() => system.Terminate();

    [Fact]
    public async Task A_failure_that_nobody_foresaw_is_logged_whole_and_told_without_its_words()
    {
        (int status, string body) = await AnswerAsync(new InvalidOperationException(Secret));

        LogEvent line = await LineAsync();
        Assert.Equal(500, status);
        Assert.Contains("EXPO3000", body, StringComparison.Ordinal);
        Assert.Contains("request-7", body, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", body, StringComparison.Ordinal);
        Assert.Equal(Akka.Event.LogLevel.ErrorLevel, line.LogLevel());
        foreach (string word in new[] { "GET", "/api/jobs", "request-7", Secret, nameof(InvalidOperationException), nameof(FailureAnswersTests) })
        {
            Assert.Contains(word, line.Message.ToString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Every_other_500_is_logged_too()
    {
        (int status, string body) = await AnswerAsync(new StorageException(StorageException.Damaged, "a file is damaged", "check the storage"));

        Assert.Equal(500, status);
        Assert.Contains("a file is damaged", body, StringComparison.Ordinal);
        Assert.Contains("EXPO4006", (await LineAsync()).Message.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_that_is_away_is_a_warning_with_the_reason_that_a_client_is_not_told()
    {
        (int status, string body) = await AnswerAsync(new Away(Secret));

        Assert.Equal(503, status);
        Assert.DoesNotContain("secret", body, StringComparison.Ordinal);
        LogEvent line = await LineAsync();
        Assert.Equal(Akka.Event.LogLevel.WarningLevel, line.LogLevel());
        Assert.Contains(Secret, line.Message.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_web_server_itself_calls_an_error_is_in_the_nodes_log()
    {
        using var logging = Logging();
        ILogger kestrel = logging.CreateLogger("Microsoft.AspNetCore.Server.Kestrel");

        kestrel.LogWarning("only a warning of somebody else's");
        kestrel.LogError(new IOException("why"), "an unhandled exception");

        Assert.Contains("an unhandled exception System.IO.IOException: why", (await LineAsync()).Message.ToString(), StringComparison.Ordinal);
    }

    private async Task<(int Status, string Body)> AnswerAsync(Exception thrown)
    {
        using var logging = Logging();
        var context = new DefaultHttpContext { TraceIdentifier = "request-7" };
        context.Request.Method = "GET";
        context.Request.Path = "/api/jobs";
        context.Response.Body = new MemoryStream();
        await new ProblemAnswers(_ => throw thrown, logging.CreateLogger<ProblemAnswers>()).InvokeAsync(context);
        return (context.Response.StatusCode, Encoding.UTF8.GetString(((MemoryStream)context.Response.Body).ToArray()));
    }

    private ILoggerFactory Logging()
    {
        var log = new WebLog();
        log.WriteTo(system);
        return LoggerFactory.Create(builder => builder.AddProvider(log));
    }

    private async Task<LogEvent> LineAsync()
    {
        for (int look = 0; said.IsEmpty && look < 500; look++)
        {
            await Task.Delay(10);
        }

        return Assert.Single(said);
    }

    private sealed class Away(string message) : DbException(message);

    private sealed class Listener : ReceiveActor
    {
        public Listener(ConcurrentQueue<LogEvent> said) => Receive<LogEvent>(said.Enqueue);
    }
}
