namespace ExpoCluster.Core.Hub;

/// <summary>Text from elsewhere, made fit for an error message.</summary>
internal static class HubText
{
    private const int LongestQuote = 200;

    /// <summary>It must not fill the screen, break the line or drive the terminal.</summary>
    public static string OneLine(string text)
    {
        string shown = text.Length <= LongestQuote ? text : text[..LongestQuote] + "…";
        return new string([.. shown.Select(character => char.IsControl(character) ? '\uFFFD' : character)]);
    }

    /// <summary>Without its query, which may be a signature that opens a private file.</summary>
    public static string Of(Uri uri) => uri.GetLeftPart(UriPartial.Path);
}
