using System.Collections.Immutable;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Files;

namespace ExpoCluster.Core.Checkpoints;

/// <summary>Every way in which a checkpoint can be wrong, each with its code (docs/errors.md, 11xx).</summary>
internal static class CheckpointErrors
{
    private const string FetchAgain = "Download the checkpoint again; its files are not of one piece.";

    public static CheckpointException NotFound(string path) => new(
        "EXPO1101", path, "there is no such directory or file",
        "Check the path; a relative one starts at the directory the command was run in.");

    public static CheckpointException ReferenceNotUtf8(string reference) => new(
        "EXPO1124", reference, "a path that is no UTF-8, of which only this is left", "Rename the file or directory, or reach it by a link whose name is UTF-8.");

    /// <param name="directory">The directory.</param>
    /// <param name="near">What may be meant, as references; empty for nothing.</param>
    public static CheckpointException NoWeights(string directory, string[] near) => new(
        "EXPO1103", directory, "the directory has no weights",
        near.Length == 0 ? "Give the directory that holds the model itself, or download its weights." : $"If that is the model, give {(near.Length == 1 ? Printable.Of(near[0]) : "one of these")} as the reference.",
        found: near.Length == 0 ? null : Printable.Some(near, 3),
        expected: $"{CheckpointLocation.SingleFileName}, {CheckpointLocation.TorchFileName}, an index of either, or one *.safetensors file");

    public static CheckpointException ForeignFormat(string path, ForeignFormat format) => new(
        format.Code, path, $"{format.Name}, and no model that a loader would find", format.Advice,
        expected: "safetensors or PyTorch weights of a model", found: Printable.Of(format.Evidence));

    public static CheckpointException SeveralWithoutIndex(string directory, ImmutableArray<string> weights, string index) => new(
        "EXPO1105", directory, "weights in several files but no index to say which belong together",
        weights.Any(PartOfModel.IsNamedSo)
            ? "Download the index as well, and every file that it names: each of these is a part of a model."
            : "Download the index as well; if each file is a model of its own, give the one that is meant as the reference, DIR/FILE.",
        expected: index, found: $"{weights.Length} file{(weights.Length == 1 ? "" : "s")}, {Printable.Of(weights[0])} the first");

    public static CheckpointException SeveralCheckpoints(string directory, string[] indexes) => new(
        "EXPO1105", directory, "several checkpoints, and none of them under the name that loaders look for first",
        "Give the index of the one that is meant as the reference, DIR/FILE.",
        expected: CheckpointLocation.IndexFileName, found: Printable.Some(indexes, 5));

    public static CheckpointException NotWeights(string path) => new(
        "EXPO1106", path, "a JSON file holds no weights",
        "Give the directory that the file is in, an index, or a .safetensors or .bin file.");

    public static CheckpointException Unreadable(string path, Exception cause) => new(
        "EXPO1107", path, $"cannot be read: {cause.Message}",
        "Check the permissions and that the storage is there.", innerException: cause);

    public static CheckpointException IndexTooLarge(string index, long byteLength) => new(
        "EXPO1108", index, "the index is too large to be one", FetchAgain,
        expected: $"at most {ByteSize.Format(WeightMap.MaxIndexBytes)}", found: ByteSize.Format(byteLength));

    public static CheckpointException IndexNotJson(string index, Exception cause) => new(
        "EXPO1109", index, $"the index is not valid JSON: {cause.Message}", FetchAgain, innerException: cause);

    public static CheckpointException IndexNotObject(string index, string found) => new(
        "EXPO1110", index, "the index is not an object", FetchAgain, expected: "{\"weight_map\": {…}}", found: found);

    public static CheckpointException IndexKeyTwice(string index, string key) => new(
        "EXPO1111", index, $"the index has the key '{Printable.Of(key)}' twice", FetchAgain);

    public static CheckpointException WeightMapMissing(string index) => new(
        "EXPO1112", index, "the index has no weight_map", FetchAgain);

    public static CheckpointException WeightMapNotStrings(string index, string key, string found) => new(
        "EXPO1113", index, $"weight_map must be an object of strings, but '{Printable.Of(key)}' is not", FetchAgain,
        expected: key == "weight_map" ? "an object" : "a file name", found: found);

    public static CheckpointException WeightMapEmpty(string index) => new(
        "EXPO1114", index, "the weight_map names no tensor", FetchAgain);

    public static CheckpointException MetadataNotObject(string index, string found) => new(
        "EXPO1115", index, "the index's metadata is not an object", FetchAgain, expected: "an object or null", found: found);

    public static CheckpointException UnsafeFileName(string index, string tensor, string fileName) => new(
        "EXPO1116", index, $"the index leads out of its directory for tensor '{Printable.Of(tensor)}'",
        "Do not use this checkpoint unless you trust its author; a sound index names files beside itself.",
        expected: "the name of a file in the same directory", found: $"'{Printable.Of(fileName)}'");

    public static CheckpointException WeightsFileMissing(string path, string namedBy) => new(
        "EXPO1117", path,
        path == namedBy ? "the weights file is not there, or a link that leads nowhere" : $"the file is not there, but {Printable.Of(Path.GetFileName(namedBy))} names it",
        "Download the missing file; an interrupted download leaves such gaps.");

    public static CheckpointException WeightsFilesMissing(string path, string index, string[] missing, int named) => new(
        "EXPO1117", path,
        $"the file is not there, or a link that leads nowhere, but {Printable.Of(Path.GetFileName(index))} names it",
        "Download the missing files; an interrupted download leaves such gaps.",
        expected: missing.Length == 1 ? null : $"{named} files", found: missing.Length == 1 ? null : $"{missing.Length} of them missing: {Printable.Some(missing, 20)}");

    public static CheckpointException TensorTwice(string path, string tensor, string first, string second) => new(
        "EXPO1120", path, $"two files hold the tensor '{Printable.Of(tensor)}'", FetchAgain, found: $"{Printable.Of(first)} and {Printable.Of(second)}");

    public static CheckpointException SideFileElsewhere(string path, string real) => new(
        "EXPO1121", path, $"a link that leads out of the checkpoint's directory, to {real}, and would be published with the model",
        "Put a copy of the file in the link's place, or remove the link if no loader needs it; or give the directory that holds the file itself.");

    public static CheckpointException SideFileNotRegular(string path, NotRegularFileException cause) => new(
        "EXPO1122", path, "no regular file, and would be published with the model",
        "Put the file itself there, or remove it if no loader needs it.",
        expected: "a regular file", found: cause.Found, innerException: cause);

    public static CheckpointException SideFileNameNotUtf8(string path) => new(
        "EXPO1123", path, "a file whose name is no UTF-8 would be published with the model under another name",
        "Rename the file, or remove it if no loader needs it.");

    public static CheckpointException SideFileChanged(string path, string expected, string found) => new(
        "EXPO1125", path, "the files that go along with the weights are not those that the merge was begun with",
        "Put the file back as it was, and run the same command again (on a cluster, resume the job): it goes on. Or begin anew with what is there now, by --restart.",
        expected: expected, found: found);

    public static CheckpointException SideFileMissing(string path, Exception cause) => new(
        "EXPO1131", path, "the file is a link that leads nowhere",
        "Download the file again, or remove the link if the model does not need it.", innerException: cause);

    public static CheckpointException SideFileTooLarge(string path, long byteLength, long maxBytes) => new(
        "EXPO1132", path, "too large for a file that goes along with the weights",
        "Move the file out of the model directory if no loader needs it.",
        expected: $"at most {ByteSize.Format(maxBytes)}", found: ByteSize.Format(byteLength));

    public static CheckpointException ModuleElsewhere(string modules, string folder) => new(
        "EXPO1260", modules, "names a folder outside of the model's directory, or too deep in it",
        "Do not use this checkpoint unless you trust its author; a sound one names folders beside the file.",
        expected: "a folder in the same directory", found: $"'{Printable.Of(folder)}'");

    public static CheckpointException ConfigNotJson(string problem, Exception? cause = null) => new(
        "EXPO1133", ConfigFacts.FileName, problem, "Repair the aligned model's config.json, or download it again.", innerException: cause);

    public static CheckpointException SampleExists(string path) => new(
        "EXPO1141", path, "there is something already where the sample would go",
        "Give another directory, or remove the earlier sample.");
}
