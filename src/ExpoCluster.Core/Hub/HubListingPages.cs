using System.Globalization;

namespace ExpoCluster.Core.Hub;

/// <summary>The pages of a listing as they come, within what a listing may be.</summary>
/// <param name="commit">Whose files they list.</param>
/// <param name="clock">For how long they have been coming.</param>
internal sealed class HubListingPages(HubCommit commit, TimeProvider clock)
{
    /// <summary>Of a model; the Hub itself advises against more.</summary>
    internal const int MaxFiles = 100_000;

    /// <summary>The Hub's own pages have a thousand files.</summary>
    internal const int MaxPages = 2_000;

    /// <summary>Of all pages; a file takes some 300 bytes.</summary>
    internal const int MaxBytes = 64 << 20;

    /// <summary>A rate limit may make us wait for five minutes, and again.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromMinutes(30);

    private readonly Dictionary<string, HubFile> files = new(StringComparer.Ordinal);
    private readonly HashSet<string> asked = new(StringComparer.Ordinal);
    private readonly long start = clock.GetTimestamp();
    private long bytes;

    /// <summary>Bytes that the next page may have.</summary>
    public int BytesLeft => (int)(MaxBytes - bytes);

    /// <summary>Before a page is asked for.</summary>
    /// <exception cref="HubException">It was there already, or there were too many.</exception>
    public void Begin(Uri page)
    {
        if (!asked.Add(page.AbsoluteUri))
        {
            throw HubErrors.ListingEndless(commit, "a page names itself, or one before it, as the next");
        }

        if (asked.Count > MaxPages)
        {
            throw HubErrors.ListingEndless(commit, Told(MaxPages, "pages"));
        }

        if (clock.GetElapsedTime(start) > Patience)
        {
            throw HubErrors.ListingEndless(commit, Told((int)Patience.TotalMinutes, "minutes"));
        }
    }

    /// <param name="body">Of a page, as long as was allowed at most.</param>
    /// <exception cref="HubException">It is none, or says something else than a page before it.</exception>
    public void Add(byte[] body)
    {
        bytes += body.Length;
        foreach (HubFile file in HubListingJson.Parse(body, commit))
        {
            if (!files.TryAdd(file.Path, file) && files[file.Path] != file)
            {
                throw HubErrors.ListingContradicts(commit, file.Path, "twice, as two different files");
            }

            if (files.Count > MaxFiles)
            {
                throw HubErrors.ListingEndless(commit, Told(MaxFiles, "files"));
            }
        }
    }

    /// <summary>When the last page has come.</summary>
    /// <exception cref="HubException">What it lists cannot be together.</exception>
    public HubListing ToListing()
    {
        foreach (string path in files.Keys)
        {
            for (int slash = path.LastIndexOf('/'); slash > 0; slash = path.LastIndexOf('/', slash - 1))
            {
                if (files.ContainsKey(path[..slash]))
                {
                    throw HubErrors.ListingContradicts(commit, path[..slash], "as a file and as a folder");
                }
            }
        }

        return new HubListing(commit, [.. files.Values.OrderBy(file => file.Path, StringComparer.Ordinal)]);
    }

    private static string Told(int count, string what) => string.Create(CultureInfo.InvariantCulture, $"it goes on after {count} {what}");
}
