using System.Collections.Immutable;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Hub.Download;

/// <summary>What a merge needs from the Hub, and how much of that the cache has.</summary>
/// <param name="Cache">Where it goes.</param>
/// <param name="Missing">To be downloaded: weights, index, and aligned's side files.</param>
/// <param name="CachedBytes">Of needed files that are there.</param>
public sealed record HubNeeds(HubCache Cache, ImmutableArray<HubFile> Missing, long CachedBytes)
{
    /// <summary>All of it, cached or not.</summary>
    public ImmutableArray<HubFile> Needed { get; private init; } = [];

    public long MissingBytes => Missing.Sum(file => file.ByteLength);

    /// <summary>Disk space that the download still takes; what an earlier run has reserved is not counted again.</summary>
    public long NeededDiskBytes => Missing.Sum(file => file.ByteLength - UnfinishedBlob.ReservedBytes(Cache, file));

    /// <summary>Null where no model of the Hub is involved.</summary>
    public static HubNeeds? Of(PlannedMerge merge, HubSession session)
    {
        if (!IsInvolvedIn(merge))
        {
            return null;
        }

        HubFile[] needed = [.. FilesOf(merge.Aligned, withSideFiles: true), .. FilesOf(merge.Base, withSideFiles: false)];
        ILookup<bool, HubFile> byPresence = needed
            .Distinct()
            .ToLookup(file => session.NamesByCommit ? session.Cache.Has(file) : session.Cache.Find(file.Commit, file.Path) is not null);
        return new HubNeeds(
            session.Cache,
            [.. byPresence[false].OrderBy(file => file.ByteLength > DownloadFirstBytes)],
            byPresence[true].Sum(file => file.ByteLength))
        {
            Needed = [.. needed.Distinct()],
        };
    }

    /// <summary>What a job has to see to: small files first, then weights in the order in which its parts read them.</summary>
    public ImmutableArray<JobTransfer> TransfersOf(Plan plan)
    {
        HashSet<HubFile> missing = [.. Missing];
        ImmutableArray<JobTransfer> all = [.. Needed.Select(file => JobTransfer.Of(file, isThere: !missing.Contains(file)))];
        var needs = PartNeeds.Of(plan, all);
        return
        [
            .. Enumerable.Range(0, all.Length)
                .OrderBy(transfer => all[transfer].ByteLength > DownloadFirstBytes)
                .ThenBy(needs.FirstPartOf)
                .Select(transfer => all[transfer]),
        ];
    }

    /// <summary>One of the two checkpoints is a model of the Hub.</summary>
    public static bool IsInvolvedIn(PlannedMerge merge) => FoldersOf(merge).Any();

    /// <summary>Leaves in the cache what its other users look for besides the files.</summary>
    public static void Record(PlannedMerge merge)
    {
        foreach (HubFolder folder in FoldersOf(merge))
        {
            folder.RecordInCache();
        }
    }

    /// <summary>An output that is, contains or lies inside the cache would be mixed up with the inputs.</summary>
    public RecipeProblem? FindOverlap(OutputPaths output)
    {
        string cache = RealPath.Of(Cache.Directory);
        return RealPath.IsInside(output.Root, cache) || RealPath.IsInside(cache, output.Root)
            ? new RecipeProblem(
                OutputPreflight.InsideInput,
                "--out",
                $"{output.Root} is, contains or lies inside the cache {cache}, where the inputs are.",
                "choose an output directory apart from the cache.")
            : null;
    }

    /// <summary>Throws when what is missing does not fit, together with the output where both are on one file system.</summary>
    /// <param name="output">The output directory.</param>
    /// <param name="outputBytes">What the merge will take there.</param>
    /// <exception cref="StorageException">There is too little room.</exception>
    public void CheckSpace(OutputPaths output, long outputBytes)
    {
        FileSystemFacts facts = FileSystemFacts.Of(Cache.Directory);
        bool isShared = FileSystemFacts.Of(output.Root).MountPoint == facts.MountPoint;
        long needed = NeededDiskBytes + (isShared ? outputBytes : 0);
        if (needed > facts.FreeBytes)
        {
            throw StorageException.TooSmallForDownload(Cache.Directory, isShared, needed, facts.FreeBytes);
        }
    }

    // Small files first: should one of them be refused, nobody has waited for the weights.
    private const long DownloadFirstBytes = 10_000_000;

    private static IEnumerable<HubFolder> FoldersOf(PlannedMerge merge) =>
        new[] { merge.Aligned, merge.Base }.Select(checkpoint => checkpoint.Folder).OfType<HubFolder>();

    private static IEnumerable<HubFile> FilesOf(Checkpoint checkpoint, bool withSideFiles) =>
        checkpoint.Folder is HubFolder folder ? folder.FilesOf(checkpoint, withSideFiles) : [];
}
