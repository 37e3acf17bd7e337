using System.Collections.Immutable;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Files;

namespace ExpoCluster.Core.Hub;

/// <summary>A model of the Hub: files that are in the cache are read there, others where they are.</summary>
internal sealed class HubFolder : CheckpointFolder
{
    /// <summary>Headers that are read at once: each is a question or two to a server that is far away.</summary>
    private const int RemoteReadsAtOnce = 8;

    private readonly HubSession session;
    private readonly HubSnapshot snapshot;
    private readonly LocalFolder local;
    private readonly Dictionary<string, HubFile> listed;

    public HubFolder(HubSession session, HubSnapshot snapshot)
    {
        this.session = session;
        this.snapshot = snapshot;
        local = new LocalFolder(session.Cache.Snapshot(snapshot.Commit), holdsModel: true);
        listed = snapshot.Listing?.Files.ToDictionary(file => file.Path, StringComparer.Ordinal) ?? [];
    }

    public HubCommit Commit => snapshot.Commit;

    public override string Reference => snapshot.Reference.At(snapshot.Commit).ToString();

    public override ImmutableArray<string> Notes => snapshot.Notes;

    public override int ReadsAtOnce => RemoteReadsAtOnce;

    public override string? LocalDirectory => IsNamedByCommit || MissingSideFiles.Any() ? null : local.LocalDirectory;

    public override string? SideFileDirectory => LocalDirectory ?? Commit.ToString();

    public override ImmutableArray<string> RemoteSideFiles => LocalDirectory is null ? [.. SideFiles.Select(file => file.Path)] : [];

    public override long RemoteSideFileBytes => LocalDirectory is null ? SideFiles.Sum(file => file.ByteLength) : 0;

    /// <summary>Side files as the Hub lists them.</summary>
    public IEnumerable<(string Name, long Bytes)> ListedSideFiles => SideFiles.Select(file => (file.Path, file.ByteLength));

    public override ImmutableSortedSet<string> FileNames => snapshot.Listing is null
        ? local.FileNames
        : [.. listed.Keys.Select(path => path.Split('/')[0]).Where(name => !name.StartsWith('.')).Order(StringComparer.Ordinal)];

    // Without the Hub's list nobody knows the digests by which a file could be fetched again.
    private bool IsNamedByCommit => session.NamesByCommit && snapshot.Listing is not null;

    private IEnumerable<HubFile> SideFiles => listed.Values.Where(file => SideFileSelection.IsSelected(file.Path)
        && (listed.ContainsKey(ModuleFolders.FileName) || !(ModuleFolders.Includes(file.Path) || ModuleFolders.IncludesOfRouter(file.Path)))
        && (listed.ContainsKey(ModuleFolders.RouterFileName) || !ModuleFolders.IncludesOfRouter(file.Path)));

    private IEnumerable<HubFile> MissingSideFiles => SideFiles.Where(file => !IsCached(file.Path));

    public override string PathOf(string fileName) => IsCached(fileName) && !IsNamedByCommit ? local.PathOf(fileName) : $"{Commit}/{fileName}";

    public override byte[] ReadIndex(string fileName)
    {
        if (IsLocal(fileName))
        {
            return local.ReadIndex(fileName);
        }

        HubFile file = listed[fileName];
        return file.ByteLength <= WeightMap.MaxIndexBytes
            ? ReadRemote(file)
            : throw CheckpointErrors.IndexTooLarge(file.Name, file.ByteLength);
    }

    public override WeightsFile OpenWeights(string fileName, string namedBy)
    {
        if (IsLocal(fileName))
        {
            WeightsFile opened = local.OpenWeights(fileName, namedBy);
            return IsNamedByCommit ? opened with { Path = listed[fileName].Name, ModifiedUnixNanoseconds = 0, Identity = null } : opened;
        }

        return listed.TryGetValue(fileName, out HubFile? file)
            ? new WeightsFile(file.Name, ModifiedUnixNanoseconds: 0, new HubByteSource(session.Client, file, session.Cancellation))
            : throw CheckpointErrors.WeightsFileMissing(PathOf(fileName), namedBy);
    }

    public override IEnumerable<string> NotesOn(string entryFileName, ImmutableArray<CheckpointShard> shards) =>
        local.NotesOn(entryFileName, [.. shards.Where(shard => !shard.IsRemote)]);

    public override byte[]? ReadRemoteSideFile(string fileName) =>
        (IsNamedByCommit || !IsLocal(fileName)) && listed.TryGetValue(fileName, out HubFile? file)
            ? Read(SideFileSelection.Checked(file))
            : null;

    public override string? DigestOf(string fileName) => listed.GetValueOrDefault(fileName)?.Etag;

    // A cache that an earlier version filled may lack what this one looks at, and the Hub may be away.
    public override byte[]? ReadBeside(string fileName, int maxBytes)
    {
        if (snapshot.Listing is null || session.Cache.Find(Commit, fileName) is not null)
        {
            return local.ReadBeside(fileName, maxBytes);
        }

        try
        {
            return listed.TryGetValue(fileName, out HubFile? file) && file.ByteLength <= maxBytes ? Read(file) : null;
        }
        catch (HubException)
        {
            return null;
        }
    }

    /// <summary>What opening the checkpoint took, and where asked for what goes along with the weights.</summary>
    public IEnumerable<HubFile> FilesOf(Checkpoint checkpoint, bool withSideFiles)
    {
        IEnumerable<string> weights = checkpoint.Shards.Select(shard => shard.Name).Append(checkpoint.EntryFileName);
        return weights.Distinct(StringComparer.Ordinal).Where(listed.ContainsKey).Select(name => listed[name])
            .Concat(withSideFiles ? SideFiles.Select(SideFileSelection.Checked) : SmallFilesOfBase);
    }

    // Planning looks at it, and must come to the same end when the Hub is not asked any more.
    private IEnumerable<HubFile> SmallFilesOfBase => listed.TryGetValue(ConfigFacts.FileName, out HubFile? config) && config.ByteLength <= ConfigFacts.MaxBytes ? [config] : [];

    /// <summary>Leaves in the cache what its other users look for: which commit the branch means, and the list of files.</summary>
    public void RecordInCache()
    {
        if (snapshot.Listing is { } listing)
        {
            session.Cache.WriteListing(listing);
        }

        if (snapshot.IsCurrent)
        {
            session.Cache.WriteRef(Commit.Repository, snapshot.Reference.RevisionOrDefault, Commit);
        }
    }

    /// <summary>Writes the side files into a directory of their own, for a merge that keeps nothing in the cache.</summary>
    public async Task CopySideFilesAsync(string directory, CancellationToken cancellation)
    {
        foreach (HubFile file in SideFiles.Select(SideFileSelection.Checked))
        {
            string target = Path.Join(directory, file.Path);
            Durability.CreateDirectory(Path.GetDirectoryName(target)!);
            byte[] content = session.Cache.Find(Commit, file.Path) is { } cached
                ? RegularFile.ReadBytes(cached, SideFileSelection.MaxBytes)
                : await session.Client.ReadAsync(file, cancellation).ConfigureAwait(false);
            Durability.WriteWhole(target, content);
        }
    }

    // A file of another length than the listed one is not it, whoever left it there.
    public bool IsCached(string path) => IsNamedByCommit
        ? listed.TryGetValue(path, out HubFile? file) && session.Cache.Has(file)
        : session.Cache.Find(Commit, path) is not null;

    private bool IsLocal(string fileName) => snapshot.Listing is null || IsCached(fileName);

    private byte[] Read(HubFile file) =>
        IsCached(file.Path) && session.Cache.Find(Commit, file.Path) is { } cached ? RegularFile.ReadBytes(cached, SideFileSelection.MaxBytes) : ReadRemote(file);

    private byte[] ReadRemote(HubFile file) => session.Client.ReadAsync(file, session.Cancellation).GetAwaiter().GetResult();
}
