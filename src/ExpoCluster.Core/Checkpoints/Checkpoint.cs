using System.Collections.Immutable;
using System.Collections.ObjectModel;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Checkpoints;

/// <summary>A model on disk, read as far as its headers: which tensors there are and where their bytes lie.</summary>
public sealed class Checkpoint
{
    private Lazy<CheckpointNature> nature;

    private Checkpoint(
        string reference,
        CheckpointLocation location,
        ImmutableArray<CheckpointShard> shards,
        IReadOnlyDictionary<string, CheckpointTensor> tensors,
        ImmutableArray<string> notes)
    {
        Reference = reference;
        Folder = location.Folder;
        EntryFileName = location.FileName;
        Shards = shards;
        Tensors = tensors;
        Notes = [.. location.Folder.Notes, .. location.Notes, .. location.Folder.NotesOn(location.FileName, shards), .. notes];
        nature = NatureLater();
    }

    /// <summary>As the user wrote it.</summary>
    public string Reference { get; }

    /// <summary>Means the same files for ever: for a model of the Hub with the commit in it.</summary>
    public string PinnedReference =>
        Folder.Reference is { } pinned ? new CheckpointReference(pinned, CheckpointReference.Of(Reference).Key).ToString() : Reference;

    /// <summary>
    /// Where side files come from: an absolute directory, or a commit of the Hub that is not all in the cache; null for a bare
    /// weights file, which has none.
    /// </summary>
    public string? Directory => Folder.SideFileDirectory;

    /// <summary>In the order of the index, which is the order of file names.</summary>
    public ImmutableArray<CheckpointShard> Shards { get; }

    /// <summary>Every tensor by name.</summary>
    public IReadOnlyDictionary<string, CheckpointTensor> Tensors { get; private set; }

    /// <summary>What a user may want to know though it is no error, one sentence each.</summary>
    public ImmutableArray<string> Notes { get; private init; }

    /// <summary>What it is, and what its configuration says.</summary>
    public CheckpointNature Nature => nature.Value;

    /// <summary>Weights files that lie there and that loaders pass over.</summary>
    public ImmutableArray<StrayWeights> Strays { get; private set; } = [];

    /// <summary>Names of tensors that the index names and no file holds.</summary>
    internal ImmutableHashSet<string> NamedByIndexAlone { get; private init; } = [];

    internal CheckpointFolder Folder { get; }

    /// <summary>The index or the weights file by which the checkpoint was found.</summary>
    internal string EntryFileName { get; }

    /// <summary>The same for whoever needs to know no more of its tensors: they are most of the memory that it takes.</summary>
    internal Checkpoint WithoutTensors()
    {
        Checkpoint other = WithTensors(ReadOnlyDictionary<string, CheckpointTensor>.Empty);
        other.Strays = [];
        return other;
    }

    /// <summary>Opens a directory, one weights file or a model of the Hub, and checks every header against the index.</summary>
    /// <param name="reference">As the user wrote it.</param>
    /// <param name="hub">Where models of the Hub are looked for; null for what the process's environment says.</param>
    /// <param name="work">What it takes is counted there; null where that has no limit.</param>
    /// <param name="roots">Below which files of a directory must lie; null for everywhere.</param>
    /// <exception cref="CheckpointException">The checkpoint is missing or contradicts itself.</exception>
    /// <exception cref="ExpoCluster.Tensors.TensorFileException">A weights file breaks a rule of its format.</exception>
    /// <exception cref="HubException">The Hub cannot be reached or refuses.</exception>
    /// <exception cref="Recipes.UsageException">A file lies outside the storage roots.</exception>
    public static Checkpoint Open(string reference, HubSession? hub = null, PlanningWork? work = null, StorageRoots? roots = null)
    {
        work ??= PlanningWork.Unhurried();
        work.Continue();
        var parts = CheckpointReference.Of(reference);
        CheckpointLocation location = CheckpointLocation.Find(parts.Place, hub, roots);
        try
        {
            return location.IsIndexed ? OpenIndexed(reference, location, parts.Key, work) : OpenSingle(reference, location, parts.Key, work);
        }
        catch (StorageException exception)
        {
            // Links that lead in a circle are the input's fault, not that of the storage written to.
            throw CheckpointErrors.Unreadable(location.EntryPoint, exception);
        }
    }

    /// <summary>The same files, whose tensors are called otherwise.</summary>
    /// <param name="tensors">By their new names.</param>
    internal Checkpoint Renamed(IReadOnlyDictionary<string, CheckpointTensor> tensors) => WithTensors(tensors);

    private static Checkpoint OpenSingle(string reference, CheckpointLocation location, string? key, PlanningWork work)
    {
        CheckpointShard shard = OpenShard(location.Folder, location.FileName, location.EntryPoint, key, work);
        ImmutableArray<CheckpointShard> shards = [shard];
        Dictionary<string, CheckpointTensor> tensors = TensorsOf(shards, work.Shared);
        ImmutableArray<StrayWeights> strays = location.Folder.HoldsModel
            ? StrayWeights.Beside(location.Folder, shards, tensors, name => OpenShard(location.Folder, name, location.EntryPoint, key: null, work))
            : [];
        return new Checkpoint(reference, location, Slim(shards), tensors, [.. NotesOf(shards), .. StrayWeights.NotesOn(strays)]) { Strays = strays };
    }

    private static Checkpoint OpenIndexed(string reference, CheckpointLocation location, string? key, PlanningWork work)
    {
        string index = location.EntryPoint;
        WeightMap map = WeightMap.Parse(location.Folder.ReadIndex(location.FileName), index);
        IndexAgreement.RequireFiles(map, location.Folder, index);
        ImmutableArray<CheckpointShard> shards = ParallelReads.Select(
            map.FileNames, location.Folder.ReadsAtOnce, name => OpenShard(location.Folder, name, index, key, work));
        Dictionary<string, CheckpointTensor> tensors = TensorsOf(shards, work.Shared);
        ImmutableArray<StrayWeights> strays = StrayWeights.Find(location.Folder, shards, tensors, name => OpenShard(location.Folder, name, index, key: null, work));
        foreach (StrayWeights stray in strays.Where(stray => stray.Shard is not null && stray.Tensors.Any(map.FileOfTensor.ContainsKey)))
        {
            // The index names its tensors, and another file for them.
            shards = shards.Add(stray.Shard!);
            AddTensorsOf(shards, shards.Length - 1, tensors, work.Shared, tensor => map.FileOfTensor.ContainsKey(tensor) && !tensors.ContainsKey(tensor));
            strays = strays.Remove(stray);
        }

        shards = Slim(shards);
        return new Checkpoint(reference, location, shards, tensors, [.. NotesOf(shards), .. IndexAgreement.Notes(map, location.FileName, shards, tensors), .. StrayWeights.NotesOn(strays)])
        {
            Strays = strays,
            NamedByIndexAlone = [.. map.FileOfTensor.Keys.Where(name => !tensors.ContainsKey(name))],
        };
    }

    /// <summary>The same with all tensors of files that loaders pass over.</summary>
    /// <param name="strays">Of <see cref="Strays"/>, those that were read.</param>
    internal Checkpoint With(ImmutableArray<StrayWeights> strays)
    {
        ImmutableArray<CheckpointShard> shards = [.. Shards, .. strays.Select(stray => stray.Shard!)];
        var tensors = new Dictionary<string, CheckpointTensor>(Tensors, StringComparer.Ordinal);
        var shared = new SharedTexts();
        foreach ((StrayWeights stray, int position) in strays.Select((stray, index) => (stray, Shards.Length + index)))
        {
            AddTensorsOf(shards, position, tensors, shared, stray.Tensors.ToHashSet(StringComparer.Ordinal).Contains);
        }

        string[] read = [.. strays.Select(stray => $"{Printable.Of(stray.FileName)} is read although {stray.Reason}, for config.json promises its layers")];
        return new Checkpoint(Reference, new CheckpointLocation(Folder, EntryFileName, IsIndexed: true, []), Slim(shards), tensors, [])
        {
            Strays = [.. Strays.Except(strays)],
            NamedByIndexAlone = NamedByIndexAlone.Except(tensors.Keys),
            Notes = [.. Notes.Except(StrayWeights.NotesOn(Strays)), .. StrayWeights.NotesOn([.. Strays.Except(strays)]), .. read],
        };
    }

    private Checkpoint WithTensors(IReadOnlyDictionary<string, CheckpointTensor> tensors)
    {
        var other = (Checkpoint)MemberwiseClone();
        other.Tensors = tensors;
        other.nature = other.NatureLater();
        return other;
    }

    private Lazy<CheckpointNature> NatureLater() => new(() => CheckpointNature.Of(
        Tensors,
        EntryFileName,
        Folder.ReadBeside(ConfigFacts.FileName, ConfigFacts.MaxBytes),
        Folder.ReadBeside(AdapterFacts.ConfigFileName, ConfigFacts.MaxBytes)));

    private static CheckpointShard OpenShard(CheckpointFolder folder, string name, string namedBy, string? key, PlanningWork work)
    {
        using WeightsFile file = work.Watched(folder.OpenWeights(name, namedBy));
        WeightsHeader header = WeightsHeader.ReadFrom(file.Bytes, key);
        work.SpendTensors(header.Tensors.Length);
        return new CheckpointShard(name, file.Path, file.Bytes.ByteLength, file.ModifiedUnixNanoseconds, header) { Identity = file.Identity };
    }

    // Where their tensors are is known by name now; the files' own lists are as large again.
    private static ImmutableArray<CheckpointShard> Slim(ImmutableArray<CheckpointShard> shards) =>
        [.. shards.Select(shard => shard with { Header = shard.Header with { Tensors = [] } })];

    private static Dictionary<string, CheckpointTensor> TensorsOf(ImmutableArray<CheckpointShard> shards, SharedTexts shared)
    {
        var tensors = new Dictionary<string, CheckpointTensor>(
            shards.Sum(shard => shard.Header.Tensors.Length), StringComparer.Ordinal);
        for (int position = 0; position < shards.Length; position++)
        {
            AddTensorsOf(shards, position, tensors, shared);
        }

        return tensors;
    }

    private static void AddTensorsOf(
        ImmutableArray<CheckpointShard> shards, int position, Dictionary<string, CheckpointTensor> tensors, SharedTexts shared, Func<string, bool>? isWanted = null)
    {
        WeightsHeader header = shards[position].Header;
        for (int rank = 0; rank < header.Tensors.Length; rank++)
        {
            WeightsTensor tensor = header.Tensors[rank];
            if (isWanted?.Invoke(tensor.Name) == false)
            {
                continue;
            }

            var placed = new CheckpointTensor(
                shared.Share(tensor.Name), tensor.Dtype, shared.Share(tensor.Shape), position, tensor.Offset, tensor.ByteCount, header.IsInStateDictOrder ? rank : 0)
            {
                Strides = tensor.Strides,
            };
            if (!tensors.TryAdd(placed.Name, placed))
            {
                throw CheckpointErrors.TensorTwice(
                    shards[position].Path, tensor.Name, shards[tensors[tensor.Name].Shard].Name, shards[position].Name);
            }
        }
    }

    private static IEnumerable<string> NotesOf(ImmutableArray<CheckpointShard> shards) =>
        shards.SelectMany(shard => shard.Header.Notes.Select(note => $"{Printable.Of(shard.Name)}: {note}"));
}
