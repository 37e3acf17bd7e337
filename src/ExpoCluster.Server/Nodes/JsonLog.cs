namespace ExpoCluster.Server.Nodes;

/// <summary>The log for programs that gather logs.</summary>
public sealed class JsonLog : NodeLog
{
    private protected override string Format(LogLine line) => line.ToJson();
}
