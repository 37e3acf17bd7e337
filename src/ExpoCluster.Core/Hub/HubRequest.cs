namespace ExpoCluster.Core.Hub;

/// <summary>One question.</summary>
/// <param name="Uri">Whom to ask.</param>
/// <param name="Subject">What it is about, for errors: a repository, a revision or a file.</param>
/// <param name="Repository">For errors that send the user to the model's page.</param>
/// <param name="Begin">The first byte that is wanted.</param>
/// <param name="End">Behind the last byte that is wanted; null to ask for the whole.</param>
internal sealed record HubRequest(Uri Uri, string Subject, string Repository, long Begin = 0, long? End = null);
