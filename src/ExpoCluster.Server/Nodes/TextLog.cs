namespace ExpoCluster.Server.Nodes;

/// <summary>The log for people.</summary>
public sealed class TextLog : NodeLog
{
    private protected override string Format(LogLine line) => line.ToText();
}
