using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Files;

namespace ExpoCluster.Core.Hub;

/// <summary>
/// The cache that all Hugging Face tools share: <c>models--org--name/{refs,blobs,snapshots,trees}</c>. What is found there is used,
/// and what is downloaded is found there by others.
/// </summary>
/// <param name="directory">For example <c>~/.cache/huggingface/hub</c>.</param>
/// <param name="usesLinks">False where the user forbids symbolic links; then files lie in the snapshots themselves.</param>
public sealed class HubCache(string directory, bool usesLinks = true)
{
    /// <summary>A ref is a commit of 40 digits.</summary>
    private const int MaxRefBytes = 4096;

    internal const string ModelPrefix = "models--";

    private const string TagName = "CACHEDIR.TAG";

    private const string TagText = "Signature: 8a477f597d28d172789f06886806bc55\n# This file is a cache directory tag created by huggingface_hub.\n";

    public string Directory { get; } = directory;

    /// <summary>The directory of one commit, whether it is there or not.</summary>
    public string Snapshot(HubCommit commit) => Path.Join(Of(commit.Repository), "snapshots", commit.Sha);

    public string Blob(string repository, string etag) => Path.Join(Of(repository), "blobs", etag);

    /// <summary>Whom to ask before writing the blob.</summary>
    public string Lock(string repository, string etag) =>
        Path.Join(Directory, ".locks", FolderName(repository), etag + ".lock");

    /// <summary>The commit that a branch or tag last meant; null when nobody has asked yet.</summary>
    public HubCommit? ReadRef(string repository, string revision)
    {
        string path = RefPath(repository, revision);
        string text = File.Exists(path) ? RegularFile.ReadText(path, MaxRefBytes).Trim() : "";
        return HubCommit.IsSha(text) ? new HubCommit(repository, text) : null;
    }

    /// <summary>Without a line end, for other tools read the whole file as the commit.</summary>
    public void WriteRef(string repository, string revision, HubCommit commit)
    {
        if (HubCommit.IsSha(revision) || ReadRef(repository, revision) == commit)
        {
            return;
        }

        string path = RefPath(repository, revision);
        Prepare(Path.GetDirectoryName(path)!);
        Durability.WriteShared(path, System.Text.Encoding.ASCII.GetBytes(commit.Sha));
    }

    /// <summary>Where the file can be read; null when the cache lacks it. A link that leads nowhere counts as lacking.</summary>
    public string? Find(HubCommit commit, string path)
    {
        string place = Path.Join(Snapshot(commit), path);
        return HubPath.IsSafe(path) && File.Exists(place) && new FileInfo(RealPath.Of(place)).Exists ? place : null;
    }

    /// <summary>The file is there, with the length that the Hub lists.</summary>
    public bool Has(HubFile file) =>
        Find(file.Commit, file.Path) is { } place && new FileInfo(RealPath.Of(place)).Length == file.ByteLength;

    /// <summary>Removes what has the file's name but not its length; a download would find it and keep it.</summary>
    public void RemoveStray(HubFile file)
    {
        string place = PlaceOf(file);
        if (!Has(file) && File.Exists(place))
        {
            File.Delete(place);
        }
    }

    /// <summary>Where the file's name is, or would be, in its snapshot.</summary>
    public string PlaceOf(HubFile file) => Path.Join(Snapshot(file.Commit), file.Path);

    /// <summary>The listing that was kept with an earlier download; null when there is none that can be read.</summary>
    public HubListing? ReadListing(HubCommit commit) => HubTreeFile.Read(TreePath(commit), commit);

    public void WriteListing(HubListing listing)
    {
        string path = TreePath(listing.Commit);
        if (!File.Exists(path))
        {
            Prepare(Path.GetDirectoryName(path)!);
            Durability.WriteShared(path, HubTreeFile.Encode(listing));
        }
    }

    /// <summary>Gives a blob its name in a snapshot.</summary>
    /// <remarks>Where links cannot be made the blob itself moves there, as other tools do it.</remarks>
    public void Link(HubFile file)
    {
        string place = Path.Join(Snapshot(file.Commit), file.Path);
        string blob = Blob(file.Commit.Repository, file.Etag);
        Prepare(Path.GetDirectoryName(place)!);
        if (Find(file.Commit, file.Path) is not null)
        {
            return;
        }

        if (!usesLinks || !TryLink(place, RelativeBlob(file)))
        {
            Durability.Rename(blob, place);
        }
    }

    /// <summary>Makes a directory of the cache, and marks the cache as one for backup programs.</summary>
    internal void Prepare(string path)
    {
        Durability.CreateDirectory(path);
        string tag = Path.Join(Directory, TagName);
        if (!File.Exists(tag))
        {
            Durability.WriteShared(tag, System.Text.Encoding.ASCII.GetBytes(TagText));
        }
    }

    /// <summary>Whether a path leads into a model of a cache, whosever it is: <c>models--ORG--NAME/snapshots</c> and what lies beside.</summary>
    public static bool IsInModel(string path)
    {
        string[] names = path.Split(Path.DirectorySeparatorChar);
        return names.Zip(names.Skip(1)).Any(pair =>
            pair.First.StartsWith(ModelPrefix, StringComparison.Ordinal) && pair.Second is "snapshots" or "blobs" or "refs" or "trees");
    }

    private static string FolderName(string repository) => ModelPrefix + repository.Replace("/", "--", StringComparison.Ordinal);

    // snapshots/SHA/a/b: one step up for each folder of the path, and two more.
    private static string RelativeBlob(HubFile file) =>
        string.Concat(Enumerable.Repeat("../", file.Path.Split('/').Length + 1)) + "blobs/" + file.Etag;

    private static bool TryLink(string place, string target)
    {
        try
        {
            // It replaces a link that leads nowhere, and at no moment one that somebody else has just made.
            string link = $"{place}.{Guid.NewGuid():N}.unfinished";
            File.CreateSymbolicLink(link, target);
            Durability.Rename(link, place);
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or PlatformNotSupportedException or StorageException)
        {
            return false;
        }
    }

    private string Of(string repository) => Path.Join(Directory, FolderName(repository));

    private string RefPath(string repository, string revision) => Path.Join(Of(repository), "refs", revision);

    private string TreePath(HubCommit commit) => Path.Join(Of(commit.Repository), "trees", commit.Sha + ".json");
}
