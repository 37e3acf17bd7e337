namespace ExpoCluster.EndToEnd;

/// <summary>A span as it came over OTLP; ids in hex, lower case.</summary>
public sealed record ReceivedSpan(string Service, string Name, string Trace, string Id, string Parent, IReadOnlyDictionary<string, string> Attributes)
{
    /// <summary>Who did it; empty for a span that is not of a job.</summary>
    public string Node => Attributes.GetValueOrDefault("expocluster.node", "");
}
