using System.Collections.Immutable;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Publishing;

/// <summary>What a record says of a plan's inputs: each file by its name in its checkpoint, and no directory of this machine.</summary>
internal sealed class PublishedInputs
{
    private const string Blobs = "blobs";
    private const string Snapshots = "snapshots";

    private readonly Plan plan;
    private readonly Side aligned;
    private readonly Side baseSide;

    /// <param name="plan">Whose inputs they are.</param>
    /// <param name="recipe">With the references that the plan was made from.</param>
    public PublishedInputs(Plan plan, Recipe recipe)
    {
        this.plan = plan;
        aligned = new Side(recipe.Aligned);
        baseSide = new Side(recipe.Base);
    }

    public ImmutableArray<ProvenanceInput> All => [.. plan.Inputs.Select(Of)];

    private ProvenanceInput Of(PlanInput input, int index)
    {
        Side side = index < plan.AlignedInputs ? aligned : baseSide;
        return new ProvenanceInput(side.NameOf(input.Path), input.ByteLength, input.ModifiedUnixNanoseconds, input.HeaderDigest)
        {
            Checkpoint = side.Checkpoint,
        };
    }

    /// <summary>One of the two checkpoints.</summary>
    private sealed class Side(string text)
    {
        private readonly string reference = CheckpointReference.Of(text).Place;
        private readonly Dictionary<string, ILookup<string, string>> namesIn = new(StringComparer.Ordinal);

        public string Checkpoint { get; } = ModelName.Of(text).Reference;

        // What the plan names is a real path: a file of the directory, what a link in it leads to, or a blob of the Hub's cache.
        public string NameOf(string path)
        {
            if (HubReference.Matches(path))
            {
                return path;
            }

            string name = Path.GetFileName(path);
            IEnumerable<string> names = NamesIn(DirectoryOf(path))[path];
            return names.Order(StringComparer.Ordinal).FirstOrDefault() ?? name;
        }

        private string DirectoryOf(string path)
        {
            if (!HubReference.Matches(reference))
            {
                return Path.GetFullPath(reference);
            }

            string folder = Path.GetDirectoryName(path)!;
            return Path.GetFileName(folder) == Blobs && HubReference.Parse(reference).Revision is { } commit
                ? Path.Join(Path.GetDirectoryName(folder), Snapshots, commit)
                : folder;
        }

        private ILookup<string, string> NamesIn(string directory)
        {
            if (!namesIn.TryGetValue(directory, out ILookup<string, string>? names))
            {
                namesIn[directory] = names = RealPathsIn(directory);
            }

            return names;
        }

        private static ILookup<string, string> RealPathsIn(string directory)
        {
            try
            {
                IEnumerable<string> paths = Directory.Exists(directory) ? Directory.EnumerateFiles(directory) : [];
                return paths.ToLookup(RealPath.Of, path => Path.GetFileName(path), StringComparer.Ordinal);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or StorageException)
            {
                // The weights are computed by now; the name of the file itself is as true.
                return Array.Empty<string>().ToLookup(path => path, StringComparer.Ordinal);
            }
        }
    }
}
