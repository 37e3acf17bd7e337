namespace ExpoCluster.Tensors.Torch;

/// <summary>The rules of PyTorch's archives, in the order in which a file is checked against them.</summary>
internal static class TorchRules
{
    private const string Redownload = "The file is damaged or incomplete: download or copy it again.";
    private const string Distrust =
        "PyTorch writes no such file: do not trust it, and get the model from its author or as safetensors.";
    private const string NotAsPyTorch =
        "PyTorch writes no state dict like this: get the model as safetensors, or save its state_dict() again.";
    private const string SaveAgain =
        "Load it where it can be trusted, then write `torch.save(model.state_dict(), path)`, or save it as safetensors.";

    public static readonly TensorFileRule IsNotLegacy = new(
        TensorFileErrors.LegacyPickle,
        "this is a bare pickle, as PyTorch wrote before 1.6, not an archive",
        SaveAgain);

    public static readonly TensorFileRule HasAnEnd = new(
        TensorFileErrors.ArchiveEndMissing, "the archive's directory, which ends the file, is not there", Redownload);

    public static readonly TensorFileRule DirectoryIsSound = new(
        TensorFileErrors.ArchiveDirectoryMalformed, "the archive's directory contradicts itself or the file", Redownload);

    public static readonly TensorFileRule DirectoryWithinCap = new(
        TensorFileErrors.ArchiveTooManyEntries, "the archive's directory is larger than any model needs", Distrust);

    public static readonly TensorFileRule EntriesAreUnique = new(
        TensorFileErrors.ArchiveEntryTwice, "the archive has two entries of one name", Distrust);

    public static readonly TensorFileRule EntriesArePlain = new(
        TensorFileErrors.ArchiveEncrypted, "an entry of the archive is encrypted", Distrust);

    public static readonly TensorFileRule EntriesAreStored = new(
        TensorFileErrors.ArchiveCompressed,
        "an entry of the archive is compressed; PyTorch stores tensors as they are",
        "Unpack the archive and pack it again without compression (zip -0), or get the original file.");

    public static readonly TensorFileRule EntriesWithinFile = new(
        TensorFileErrors.ArchiveEntryBeyondFile, "an entry of the archive reaches beyond the place for entries", Redownload);

    public static readonly TensorFileRule EntriesAreDisjoint = new(
        TensorFileErrors.ArchiveEntriesOverlap, "two entries of the archive share bytes", Distrust);

    public static readonly TensorFileRule HeadersAgree = new(
        TensorFileErrors.ArchiveHeaderDiffers, "an entry's own header contradicts the archive's directory", Distrust);

    public static readonly TensorFileRule IsTorchs = new(
        TensorFileErrors.NotATorchArchive,
        "this is a zip archive, but not one of PyTorch's",
        "Give the weights file itself: an archive that torch.save wrote, or safetensors.");

    public static readonly TensorFileRule IsNoScript = new(
        TensorFileErrors.TorchScript,
        "this is a TorchScript program, not a checkpoint",
        "Load it with torch.jit.load where it can be trusted, then save its state_dict() alone.");

    public static readonly TensorFileRule IsLittleEndian = new(
        TensorFileErrors.BigEndian,
        "the tensors are stored in another byte order than little-endian",
        "Load and save the model on a machine of the usual byte order, or get it as safetensors.");

    public static readonly TensorFileRule ChecksumIsRight = new(
        TensorFileErrors.ArchiveChecksumWrong, "an entry's content does not have the checksum that the archive states", Redownload);

    public static readonly TensorFileRule PickleWithinCap = new(
        TensorFileErrors.PickleTooLarge, "the pickle that describes the tensors is larger than any model needs", NotAsPyTorch);

    public static readonly TensorFileRule PickleIsWhole = new(
        TensorFileErrors.PickleTruncated, "the pickle ends inside a value", Redownload);

    public static readonly TensorFileRule OpcodeIsAllowed = new(
        TensorFileErrors.PickleOpcodeRefused, "the pickle has an instruction that no state dict needs; nothing was executed", Distrust);

    public static readonly TensorFileRule GlobalIsAllowed = new(
        TensorFileErrors.PickleGlobalRefused,
        "the pickle asks for a function or class that no state dict needs; nothing was executed",
        "If you expected a plain state dict, do not trust the file; otherwise save the model's state_dict() alone, best as safetensors.");

    public static readonly TensorFileRule PickleIsWellFormed = new(
        TensorFileErrors.PickleMalformed, "the pickle is not what PyTorch writes for a state dict", NotAsPyTorch);

    public static readonly TensorFileRule PickleIsShallow = new(
        TensorFileErrors.PickleTooDeep, "the pickle is nested too deep", NotAsPyTorch);

    public static readonly TensorFileRule PickleIsFrugal = new(
        TensorFileErrors.PickleTooManyValues, "the pickle makes more values than any model needs", NotAsPyTorch);

    public static readonly TensorFileRule HoldsAStateDict = new(
        TensorFileErrors.NoStateDict, "the file holds no state dict: no dictionary of names to tensors", SaveAgain);

    public static readonly TensorFileRule StateDictIsClear = new(
        TensorFileErrors.AmbiguousStateDict,
        "tensors are nested, and it is not clear which of them are the checkpoint",
        "Choose one of the keys that the message names, as FILE#KEY (DIR#KEY for a directory).");

    public static readonly TensorFileRule NamesAreTexts = new(
        TensorFileErrors.TensorNameNotText, "the name of a tensor is not a text", SaveAgain);

    public static readonly TensorFileRule NamesAreUnique = new(
        TensorFileErrors.TensorNameTwice, "two tensors have one name", NotAsPyTorch);

    public static readonly TensorFileRule StorageIsThere = new(
        TensorFileErrors.StorageMissing, "the archive has no entry for the tensor's storage", Redownload);

    public static readonly TensorFileRule StorageHasItsSize = new(
        TensorFileErrors.StorageSizeMismatch, "the tensor's storage has another size than the pickle says", Redownload);

    public static readonly TensorFileRule TensorWithinStorage = new(
        TensorFileErrors.TensorBeyondStorage, "the tensor reaches beyond its storage", NotAsPyTorch);

    public static readonly TensorFileRule DtypeIsRead = new(
        TensorFileErrors.TensorDtypeNotRead,
        "the tensor's dtype has no counterpart in safetensors, so it can be neither computed with nor copied",
        "Convert the tensor to another dtype before saving it; a quantised model is merged as the plain one that it was made from.");

    public static readonly TensorFileRule TensorKindIsRead = new(
        TensorFileErrors.TensorKindNotRead,
        "the file holds a kind of tensor that is not read",
        "Load it with PyTorch, make its tensors plain and dense (.to_dense(), .dequantize(), .contiguous()), and save its state_dict(), best as safetensors.");

    public static readonly TensorFileRule KeyIsThere = new(
        TensorFileErrors.KeyNotInFile,
        "the file has no dictionary of tensors under the key behind '#'",
        "Give one of the keys that it has, as FILE#KEY.");
}
