using Akka.Actor;
using Akka.Event;
using Microsoft.Extensions.Logging;
using WebLevel = Microsoft.Extensions.Logging.LogLevel;

namespace ExpoCluster.Server.Nodes;

/// <summary>Brings what the web server logs into the node's log: our own warnings and errors, and of all else errors.</summary>
/// <remarks>What is said before there is a node, which has the log, is lost.</remarks>
internal sealed class WebLog : ILoggerProvider
{
    private volatile ILoggingAdapter log = NoLogger.Instance;

    /// <summary>What is logged from now on goes to this node's log.</summary>
    public void WriteTo(ActorSystem system) => log = Logging.GetLogger(system, typeof(WebLog));

    public ILogger CreateLogger(string categoryName) =>
        new Category(this, categoryName.StartsWith(nameof(ExpoCluster), StringComparison.Ordinal) ? WebLevel.Warning : WebLevel.Error);

    public void Dispose()
    {
        // The actor system is the node's.
    }

    private sealed class Category(WebLog owner, WebLevel least) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(WebLevel logLevel) => logLevel >= least && logLevel < WebLevel.None;

        public void Log<TState>(
            WebLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel))
            {
                return;
            }

            // Whoever reports a fault of the program needs to know where it was met.
            string text = formatter(state, exception) + (exception is null ? "" : " " + exception);
            if (logLevel >= WebLevel.Error)
            {
                owner.log.Error("{Text}", text);
            }
            else
            {
                owner.log.Warning("{Text}", text);
            }
        }
    }
}
