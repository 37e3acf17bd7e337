namespace ExpoCluster.EndToEnd;

/// <summary>A span as it came over OTLP; ids in hex, lower case.</summary>
public sealed record ReceivedSpan(string Service, string Name, string Trace, string Id, string Parent, IReadOnlyDictionary<string, string> Attributes)
{
    /// <summary>Who did it.</summary>
    public string Node => Attributes["expocluster.node"];
}
