using System.Globalization;
using Akka.Actor;
using Akka.Event;

namespace ExpoCluster.Server.Nodes;

/// <summary>A node's log: one line an event on standard error. Of Akka's own events only warnings and errors are shown.</summary>
public sealed class NodeLog : ReceiveActor
{
    private readonly RepeatedLines repeated = new(TimeProvider.System);

    public NodeLog()
    {
        Receive<InitializeLogger>(_ => Sender.Tell(new LoggerInitialized()));
        Receive<LogEvent>(Write);
    }

    private void Write(LogEvent entry)
    {
        bool isOurs = entry.LogClass.Namespace?.StartsWith(nameof(ExpoCluster), StringComparison.Ordinal) == true;
        // Of each try to reach a dead node remoting makes two warnings; the cluster itself says once that it is unreachable.
        bool isRemoting = entry.LogSource.Contains("/endpoint", StringComparison.OrdinalIgnoreCase) || entry.LogSource.Contains("remoting", StringComparison.OrdinalIgnoreCase);
        if (!isOurs && entry.LogLevel() < (isRemoting ? LogLevel.ErrorLevel : LogLevel.WarningLevel))
        {
            return;
        }

        // Of a failed handshake remoting writes a page; what is wrong with the certificate stands in a line of its own.
        bool isTransport = entry.LogClass.Namespace?.StartsWith("Akka.Remote.Transport", StringComparison.Ordinal) == true;
        string message = entry.Message.ToString() ?? "";
        string said = isTransport ? message.Split('\n')[0].TrimEnd() : message;
        string cause = entry.Cause is { } exception ? $" ({exception.GetBaseException().Message})" : "";
        string text = $"{Word(entry.LogLevel())} {entry.LogClass.Name}: {said}{cause}";
        if (repeated.MaySay(text, out int suppressed))
        {
            string times = suppressed > 0 ? string.Create(CultureInfo.InvariantCulture, $" [and {suppressed} times before]") : "";
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{entry.Timestamp:HH:mm:ss.fff} {text}{times}"));
        }
    }

    private static string Word(LogLevel level) => level switch
    {
        LogLevel.DebugLevel => "debug",
        LogLevel.InfoLevel => "info",
        LogLevel.WarningLevel => "warning",
        _ => "error",
    };
}
