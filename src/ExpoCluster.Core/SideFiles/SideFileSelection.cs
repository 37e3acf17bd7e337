using System.Collections.Immutable;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Files;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Core.SideFiles;

/// <summary>Which files of a model directory go along with the weights.</summary>
public static class SideFileSelection
{
    /// <summary>A side file is configuration, vocabulary or code; what is larger is something else.</summary>
    internal const int MaxBytes = 256_000_000;

    private const string ModelCard = "README.md";
    private const string ChatTemplateDirectory = "additional_chat_templates";
    private const string IndexEnding = ".index.json";

    // With it in place, loaders put an adapter on top of the weights, which a merge has already taken up.
    private const string AdapterConfig = AdapterFacts.ConfigFileName;

    // Mistral numbers its tokenizers: tokenizer.model.v3.
    private const string NumberedTokenizer = ".model.v";

    private static readonly string[] WeightEndings =
        [".safetensors", ".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx", ".ckpt", ".safetensors.index.json", ".bin.index.json"];

    // Of what looks like weights by its ending, these are not.
    private static readonly string[] TrainingLeftovers =
        ["training_args.bin", "optimizer.pt", "scheduler.pt", "scaler.pt", "trainer_state.json", "all_results.json", "train_results.json", "eval_results.json"];

    private static readonly string[] SideFileEndings = [".json", ".jinja", ".model", ".txt", ".tiktoken", ".py", ".vocab"];

    private static readonly string[] LegalPrefixes = ["LICENSE", "LICENCE", "NOTICE", "USE_POLICY", "COPYING"];

    /// <summary>The files by which a loader finds the weights; what it prefers stands last.</summary>
    internal static readonly ImmutableArray<string> EntryPoints =
        [CheckpointLocation.TorchIndexFileName, CheckpointLocation.TorchFileName, CheckpointLocation.IndexFileName, CheckpointLocation.SingleFileName];

    /// <summary>What a loader needs besides the weights, sorted by path.</summary>
    /// <exception cref="CheckpointException">One of them is no regular file, a link that leads nowhere, or far too large.</exception>
    public static ImmutableArray<SideFile> Select(string alignedDirectory) => Select(alignedDirectory, bounds: null);

    /// <param name="alignedDirectory">Of the checkpoint.</param>
    /// <param name="bounds">Where links of it may lead; null for anywhere.</param>
    internal static ImmutableArray<SideFile> Select(string alignedDirectory, CheckpointBounds? bounds)
    {
        string templates = Path.Join(alignedDirectory, ChatTemplateDirectory);
        IEnumerable<SideFile> topLevel = FilesOf(alignedDirectory).Where(IsSideFile).Select(name => new SideFile(name, Path.Join(alignedDirectory, name)));
        IEnumerable<SideFile> inTemplates = FilesOf(templates)
            .Where(name => name.EndsWith(".jinja", StringComparison.Ordinal))
            .Select(name => new SideFile(ChatTemplateDirectory + "/" + name, Path.Join(templates, name)));
        return
        [
            .. topLevel.Concat(inTemplates).Concat(ModuleFolders.FilesOf(alignedDirectory))
                .Select(file => Checked(file, bounds))
                .OrderBy(file => file.RelativePath, StringComparer.Ordinal),
        ];
    }

    /// <summary>True for a path that <see cref="Select(string)"/> would choose, in a listing of a whole repository that has <c>modules.json</c>.</summary>
    internal static bool IsSelected(string relativePath) => relativePath.Split('/') switch
    {
        [var name] => IsSideFile(name),
        [ChatTemplateDirectory, var name] => name.EndsWith(".jinja", StringComparison.Ordinal),
        _ => ModuleFolders.Includes(relativePath) || ModuleFolders.IncludesOfRouter(relativePath),
    };

    /// <summary>The same limit for a file that is still at the Hub.</summary>
    internal static HubFile Checked(HubFile file) =>
        file.ByteLength <= MaxBytes ? file : throw CheckpointErrors.SideFileTooLarge(file.Name, file.ByteLength, MaxBytes);

    /// <summary>True for every top-level file that belongs to a model: weights, indexes, side files, model card, provenance.</summary>
    public static bool IsCheckpointFile(string fileName) =>
        IsWeights(fileName) || IsSideFile(fileName) || fileName is ModelCard or AdapterConfig or OutputPaths.ProvenanceName;

    /// <summary>True for weights in any format that a loader or a converter knows, and for their indexes.</summary>
    public static bool IsWeights(string fileName) => !IsHidden(fileName)
        && !TrainingLeftovers.Contains(fileName, StringComparer.Ordinal)
        && (WeightEndings.Any(ending => fileName.EndsWith(ending, StringComparison.Ordinal)) || CheckpointLocation.IsIndex(fileName));

    /// <summary>True for the file by which a loader finds the weights.</summary>
    public static bool IsEntryPoint(string fileName) => EntryPoints.Contains(fileName) || (!IsHidden(fileName) && CheckpointLocation.IsIndex(fileName));

    private static bool IsSideFile(string fileName)
    {
        if (IsHidden(fileName) || IsWeights(fileName) || fileName == AdapterConfig
            || TrainingLeftovers.Contains(fileName, StringComparer.Ordinal))
        {
            return false;
        }

        return LegalPrefixes.Any(prefix => fileName.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
            || fileName.Contains(NumberedTokenizer, StringComparison.Ordinal)
            || (SideFileEndings.Any(ending => fileName.EndsWith(ending, StringComparison.Ordinal))
                && !fileName.EndsWith(IndexEnding, StringComparison.Ordinal)
                && fileName != OutputPaths.ProvenanceName);
    }

    private static bool IsHidden(string fileName) => fileName.StartsWith('.');

    private static SideFile Checked(SideFile file, CheckpointBounds? bounds)
    {
        if (!PathText.IsFaithful(file.RelativePath))
        {
            throw CheckpointErrors.SideFileNameNotUtf8(file.SourcePath);
        }

        using SafeFileHandle content = Open(file, bounds);
        long length = RandomAccess.GetLength(content);
        return length <= MaxBytes ? file with { ByteLength = length } : throw CheckpointErrors.SideFileTooLarge(file.SourcePath, length, MaxBytes);
    }

    /// <summary>The content of one of the files, which may have changed since it was selected.</summary>
    /// <exception cref="CheckpointException">It leads elsewhere, is no regular file, is too large, or cannot be read.</exception>
    internal static byte[] Read(SideFile file, CheckpointBounds? bounds)
    {
        try
        {
            return RegularFile.ReadBytes(RealPathOf(file, bounds), MaxBytes);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Refusal(file, exception);
        }
    }

    private static SafeFileHandle Open(SideFile file, CheckpointBounds? bounds)
    {
        try
        {
            return RegularFile.OpenToRead(RealPathOf(file, bounds));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Refusal(file, exception);
        }
    }

    private static string RealPathOf(SideFile file, CheckpointBounds? bounds)
    {
        try
        {
            return bounds?.Follow(file.SourcePath) ?? RealPath.Of(file.SourcePath);
        }
        catch (StorageException exception)
        {
            // Links that lead in a circle are the input's fault, not that of the storage written to.
            throw CheckpointErrors.Unreadable(file.SourcePath, exception);
        }
    }

    private static CheckpointException Refusal(SideFile file, Exception cause) => cause switch
    {
        FileNotFoundException or DirectoryNotFoundException => CheckpointErrors.SideFileMissing(file.SourcePath, cause),
        NotRegularFileException other => CheckpointErrors.SideFileNotRegular(file.SourcePath, other),
        FileTooLongException => CheckpointErrors.SideFileTooLarge(file.SourcePath, new FileInfo(file.SourcePath).Length, MaxBytes),
        _ => CheckpointErrors.Unreadable(file.SourcePath, cause),
    };

    private static IEnumerable<string> FilesOf(string directory) =>
        Directory.Exists(directory) ? Directory.EnumerateFiles(directory).Select(path => Path.GetFileName(path)) : [];
}
