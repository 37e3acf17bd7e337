namespace ExpoCluster.Server.Credentials;

/// <summary>A file with something that proves who somebody is.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="IsNew">It was made now; otherwise it was there, and was left alone.</param>
public sealed record CredentialFile(string Path, bool IsNew);
