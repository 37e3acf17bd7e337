namespace ExpoCluster.Core.Hub;

/// <summary>A connection was not opened, for it leads where the Hub may not send anybody. What a redirect was about is not known there.</summary>
internal sealed class HubAddressException(string message) : Exception(message);
