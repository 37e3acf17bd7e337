namespace ExpoCluster.Core.Hub;

/// <summary>What may be told of an address.</summary>
internal static class HubText
{
    /// <summary>Without its query, which may be a signature that opens a private file.</summary>
    public static string Of(Uri uri) => uri.GetLeftPart(UriPartial.Path);
}
