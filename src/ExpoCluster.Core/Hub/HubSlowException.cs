namespace ExpoCluster.Core.Hub;

/// <summary>Bytes come, but too slowly to be waited for.</summary>
internal sealed class HubSlowException(string message) : TimeoutException(message);
