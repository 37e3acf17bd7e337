namespace ExpoCluster.Server.Nodes;

/// <summary>How a node writes its log.</summary>
public enum LogFormat
{
    /// <summary>For people.</summary>
    Text,

    /// <summary>A JSON object a line, for programs that gather logs.</summary>
    Json,
}
