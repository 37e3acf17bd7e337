using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Files;

namespace ExpoCluster.Core.Publishing;

/// <summary>One input file as it was read.</summary>
/// <param name="Path">Relative to its checkpoint, or <c>hf:org/name@commit/file</c>; in records of version 0.1 absolute.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="ModifiedUnixNanoseconds">Nanoseconds since 1970, UTC.</param>
/// <param name="HeaderSha256">Of the header, lower-case hex.</param>
public sealed record ProvenanceInput(string Path, long Bytes, long ModifiedUnixNanoseconds, string HeaderSha256)
{
    /// <summary>The checkpoint that the file belongs to, as the record's recipe names it; null in records of version 0.1.</summary>
    public string? Checkpoint { get; init; }
}

/// <summary>One published weights file.</summary>
/// <param name="Name">File name.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Digest">SHA-256 over the length and the block digests.</param>
/// <param name="BlockDigests">XxHash128 of each 4 MiB block, in order, Base64.</param>
public sealed record ProvenanceFile(string Name, long Bytes, string Digest, byte[] BlockDigests);

/// <summary>A tensor of which base has fewer rows: the first elements are extrapolated, the others are aligned's.</summary>
public sealed record ProvenancePartlyExtrapolated(string Name, long Elements, long Extrapolated);

/// <summary>The record left beside the output: where it came from, and what its bytes must be.</summary>
/// <remarks>It holds neither times nor names of jobs or machines, so that two runs of one plan publish the same bytes.</remarks>
public sealed record Provenance
{
    public const int CurrentFormat = 1;

    /// <summary>A million tensors with long names take half of it.</summary>
    private const int MaxBytes = 1 << 30;

    public int Format { get; init; } = CurrentFormat;

    public required string Tool { get; init; }

    public required string PlanDigest { get; init; }

    public required int NumericsVersion { get; init; }

    public required int BlockBytes { get; init; }

    /// <summary>The recipe that was run, with names of checkpoints that tell nothing of this machine's directories.</summary>
    public required JsonNode Recipe { get; init; }

    /// <summary>In the order of the plan: aligned's files, then base's.</summary>
    public required ImmutableArray<ProvenanceInput> Inputs { get; init; }

    public required ImmutableArray<ProvenanceFile> Files { get; init; }

    /// <summary>All published names, the entry point last.</summary>
    public required ImmutableArray<string> Published { get; init; }

    /// <summary>What the merge changed; null where nothing was measured (version 0.1).</summary>
    public ProvenanceStatistics? Statistics { get; init; }

    /// <summary>Floating-point bytes of the output that were computed; null in records of earlier versions.</summary>
    public ProvenanceMerged? Merged { get; init; }

    /// <summary>What was not computed; null in records of earlier versions.</summary>
    public ProvenanceCopied? Copied { get; init; }

    /// <summary>Null where every tensor is extrapolated or copied as a whole.</summary>
    public ImmutableArray<ProvenancePartlyExtrapolated>? PartlyExtrapolated { get; init; }

    public static Provenance Of(
        Plan plan, int variant, Recipe recipe, ImmutableArray<JobFileState> files, ImmutableArray<string> published, string version) => new()
    {
        Tool = "ExpoCluster " + version,
        PlanDigest = plan.Digest,
        NumericsVersion = plan.NumericsVersion,
        BlockBytes = PartGrid.BlockBytes,
        Recipe = JsonNode.Parse(ModelName.PublicForm(recipe).ToCanonicalJson())!,
        Inputs = new PublishedInputs(plan, recipe).All,
        Files =
        [
            .. files.Select(file => new ProvenanceFile(
                Path.GetFileName(file.File.Name),
                file.File.ByteLength,
                file.Digest!,
                [.. file.BlockDigests.SelectMany(part => part!.Value.ToArray())])),
        ],
        Published = published,
        Statistics = ProvenanceStatistics.Of([.. plan.FilesOf(variant)], files),
        Merged = ProvenanceMerged.Of(Coverage.Of(plan)),
        Copied = ProvenanceCopied.Of(Coverage.Of(plan)),
        PartlyExtrapolated = Partly(plan.FilesOf(variant)),
    };

    private static ImmutableArray<ProvenancePartlyExtrapolated>? Partly(IEnumerable<PlannedFile> files)
    {
        ImmutableArray<ProvenancePartlyExtrapolated> partly =
        [
            .. from file in files
               from tensor in file.Tensors
               where tensor.MergedElements is not null
               select new ProvenancePartlyExtrapolated(tensor.Entry.Name, tensor.Entry.ElementCount, tensor.MergedElements!.Value),
        ];
        return partly.IsEmpty ? null : partly;
    }

    /// <summary>Null when the directory has none.</summary>
    /// <exception cref="ProvenanceException">It is there but cannot be read, or is none that a merge writes.</exception>
    public static Provenance? ReadFrom(OutputPaths paths)
    {
        if (!File.Exists(paths.Provenance))
        {
            return null;
        }

        try
        {
            Provenance? read = JsonSerializer.Deserialize(RegularFile.ReadBytes(paths.Provenance, MaxBytes), ProvenanceJson.Default.Provenance);
            if (read is not { Format: CurrentFormat })
            {
                throw new ProvenanceException(
                    paths.Provenance, $"expected format {CurrentFormat}, found {read?.Format.ToString(CultureInfo.InvariantCulture) ?? "null"}");
            }

            return ProvenanceRules.Broken(read) is { } why ? throw ProvenanceException.NotOfAMerge(paths.Provenance, why) : read;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            // By an invalid operation the reader says that a text is half a surrogate pair, by an argument that a recipe has a key twice.
            throw new ProvenanceException(paths.Provenance, Printable.Of(exception.Message), exception);
        }
    }

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, ProvenanceJson.Default.Provenance);
}

/// <summary>The record beside an output cannot be read, or is none that a merge writes.</summary>
public sealed class ProvenanceException : ExpoException
{
    public const string Unreadable = "EXPO1301";
    public const string Contradictory = "EXPO1303";

    public ProvenanceException(string path, string why, Exception? innerException = null)
        : base(
            Unreadable,
            $"{path}: the provenance record cannot be read ({why}).",
            "without it nothing can be verified; merge again with --overwrite.",
            innerException)
    {
    }

    private ProvenanceException(string message, string advice)
        : base(Contradictory, message, advice)
    {
    }

    /// <summary>It can be read, but breaks what holds of every record that a merge has written.</summary>
    public static ProvenanceException NotOfAMerge(string path, string why) => new(
        $"{path}: no merge writes such a record: {why}.",
        "it proves nothing: do not trust the model unless you know who made it, or merge again with --overwrite.");
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    NewLine = "\n",
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Provenance))]
internal sealed partial class ProvenanceJson : JsonSerializerContext;
