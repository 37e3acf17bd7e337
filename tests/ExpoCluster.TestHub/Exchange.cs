namespace ExpoCluster.TestHub;

/// <summary>A request as the test Hub saw it.</summary>
/// <param name="Place">Which part it was for.</param>
/// <param name="Target">Path and query.</param>
/// <param name="Range">The header; null when there was none.</param>
/// <param name="HasToken">It carried an Authorization header.</param>
/// <param name="Accepts">The Accept-Encoding header.</param>
public sealed record Exchange(Place Place, string Target, string? Range, bool HasToken, string Accepts);
