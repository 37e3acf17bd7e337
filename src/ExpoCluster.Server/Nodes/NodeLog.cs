using Akka.Actor;
using Akka.Event;
using ExpoCluster.Server.Access;
using ExpoCluster.Server.Telemetry;

namespace ExpoCluster.Server.Nodes;

/// <summary>A node's log: one line an event on standard error. Of Akka's own events only warnings and errors are shown.</summary>
public abstract class NodeLog : ReceiveActor
{
    private readonly RepeatedLines repeated = new(TimeProvider.System);

    private protected NodeLog()
    {
        Receive<InitializeLogger>(_ => Sender.Tell(new LoggerInitialized()));
        Receive<LogEvent>(Write);
    }

    private protected abstract string Format(LogLine line);

    private void Write(LogEvent entry)
    {
        LogLevel level = PassingTrouble.LevelOf(entry);
        bool isOurs = entry.LogClass.Namespace?.StartsWith(nameof(ExpoCluster), StringComparison.Ordinal) == true;
        // Of each try to reach a dead node remoting makes two warnings; the cluster itself says once that it is unreachable.
        bool isRemoting = entry.LogSource.Contains("/endpoint", StringComparison.OrdinalIgnoreCase) || entry.LogSource.Contains("remoting", StringComparison.OrdinalIgnoreCase);
        if (!isOurs && level < (isRemoting ? LogLevel.ErrorLevel : LogLevel.WarningLevel))
        {
            return;
        }

        if (LineOf(entry, level, isOurs) is not { } line)
        {
            return;
        }

        if (line.Level is LogMetrics.Warning or LogMetrics.Error)
        {
            LogMetrics.Lines.Add(line.Level);
        }

        // What somebody did is said each time; whoever is refused again and again is not.
        int suppressed = 0;
        if ((entry.LogClass == typeof(Audit) && entry.LogLevel() == LogLevel.InfoLevel) || repeated.MaySay(line.Text, out suppressed))
        {
            Console.Error.WriteLine(Format(line with { Suppressed = suppressed }));
        }
    }

    private static LogLine? LineOf(LogEvent entry, LogLevel level, bool isOurs)
    {
        if (TextOf(entry) is not { } text)
        {
            return null;
        }

        var line = new LogLine(new DateTimeOffset(entry.Timestamp.ToUniversalTime()), Word(level), entry.LogClass.Name, text)
        {
            Node = (Context.System as ExtendedActorSystem)?.Provider.DefaultAddress is { Host: { } host, Port: { } port } ? $"{host}:{port}" : null,
        };
        return isOurs && entry.TryGetProperties(out IReadOnlyDictionary<string, object>? facts) ? line with { Facts = facts! } : line;
    }

    private static string? TextOf(LogEvent entry)
    {
        string message = entry.Message.ToString() ?? "";
        string cause = entry.Cause?.GetBaseException().Message ?? "";
        // Of a failed handshake remoting writes a page; what is wrong with the certificate stands in a line of its own.
        return entry.LogClass.Namespace?.StartsWith("Akka.Remote.Transport", StringComparison.Ordinal) == true
            ? RemotingLine.Of(message.Split('\n')[0].TrimEnd(), cause)
            : message + (cause.Length > 0 ? $" ({cause})" : "");
    }

    private static string Word(LogLevel level) => level switch
    {
        LogLevel.DebugLevel => "debug",
        LogLevel.InfoLevel => "info",
        LogLevel.WarningLevel => LogMetrics.Warning,
        _ => LogMetrics.Error,
    };
}
