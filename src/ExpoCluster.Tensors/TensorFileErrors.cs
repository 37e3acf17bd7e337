namespace ExpoCluster.Tensors;

/// <summary>The codes of <see cref="TensorFileException"/>: one for each rule that a weights file can break.</summary>
/// <remarks>docs/errors.md has a row for each; a code once given keeps its meaning.</remarks>
public static class TensorFileErrors
{
    /// <summary>No file has this path.</summary>
    public const string FileMissing = "EXPO1001";

    /// <summary>The file may not be read by this user.</summary>
    public const string AccessDenied = "EXPO1002";

    /// <summary>The path leads to a directory, a pipe or a device.</summary>
    public const string NotAFile = "EXPO1003";

    /// <summary>The operating system failed to read the file.</summary>
    public const string ReadFailed = "EXPO1004";

    /// <summary>The file is not as long as it was when it was first looked at.</summary>
    public const string LengthChanged = "EXPO1005";

    /// <summary>Fewer than the 8 bytes that hold the header's length.</summary>
    public const string TooShort = "EXPO1010";

    /// <summary>The header claims more bytes than the format allows.</summary>
    public const string HeaderTooLarge = "EXPO1011";

    /// <summary>The file ends before its header does.</summary>
    public const string HeaderTruncated = "EXPO1012";

    /// <summary>The header is not UTF-8.</summary>
    public const string NotUtf8 = "EXPO1013";

    /// <summary>The header is not JSON.</summary>
    public const string NotJson = "EXPO1014";

    /// <summary>The header is JSON, but not an object.</summary>
    public const string NotAnObject = "EXPO1015";

    /// <summary>The header holds more than one object and white space behind it.</summary>
    public const string NotOnlyAnObject = "EXPO1016";

    /// <summary>A text holds half a surrogate pair and so is not Unicode.</summary>
    public const string LoneSurrogate = "EXPO1017";

    /// <summary>The header nests deeper than 128 levels.</summary>
    public const string NestedTooDeep = "EXPO1018";

    /// <summary>A key stands twice in one object.</summary>
    public const string DuplicateKey = "EXPO1019";

    /// <summary><c>__metadata__</c> is not a map of texts to texts.</summary>
    public const string MetadataNotText = "EXPO1020";

    /// <summary>An entry lacks a field, or a field has the wrong form.</summary>
    public const string MalformedEntry = "EXPO1021";

    /// <summary>The format knows no such dtype.</summary>
    public const string UnknownDtype = "EXPO1022";

    /// <summary>A number of a shape or of offsets is not a plain whole number of 64 bits.</summary>
    public const string NotAWholeNumber = "EXPO1023";

    /// <summary>A size does not fit into 63 bits.</summary>
    public const string SizeOverflow = "EXPO1024";

    /// <summary>A tensor ends before it begins.</summary>
    public const string OffsetsReversed = "EXPO1025";

    /// <summary>Bytes that belong to no tensor lie before one.</summary>
    public const string HoleInData = "EXPO1026";

    /// <summary>Two tensors share bytes.</summary>
    public const string TensorsOverlap = "EXPO1027";

    /// <summary>The elements of a tensor do not fill whole bytes.</summary>
    public const string NotWholeBytes = "EXPO1028";

    /// <summary>Shape and dtype ask for another number of bytes than the offsets give.</summary>
    public const string SizeMismatch = "EXPO1029";

    /// <summary>The file ends before its last tensor does.</summary>
    public const string DataTruncated = "EXPO1030";

    /// <summary>The file goes on behind its last tensor.</summary>
    public const string BytesAfterData = "EXPO1031";

    /// <summary>A tensor to be written is called <c>__metadata__</c>.</summary>
    public const string ReservedName = "EXPO1032";

    /// <summary>A header to be written exceeds what the format allows.</summary>
    public const string NewHeaderTooLarge = "EXPO1033";

    /// <summary>A bare pickle instead of an archive: PyTorch's format before 1.6.</summary>
    public const string LegacyPickle = "EXPO1040";

    /// <summary>A zip archive without the record that ends it.</summary>
    public const string ArchiveEndMissing = "EXPO1041";

    /// <summary>The directory of a zip archive contradicts itself or the file.</summary>
    public const string ArchiveDirectoryMalformed = "EXPO1042";

    /// <summary>The directory of a zip archive is too large.</summary>
    public const string ArchiveTooManyEntries = "EXPO1043";

    /// <summary>A zip archive has two entries of one name.</summary>
    public const string ArchiveEntryTwice = "EXPO1044";

    /// <summary>An entry of a zip archive is encrypted.</summary>
    public const string ArchiveEncrypted = "EXPO1045";

    /// <summary>An entry of a zip archive is compressed.</summary>
    public const string ArchiveCompressed = "EXPO1046";

    /// <summary>An entry of a zip archive reaches into the directory or beyond the file.</summary>
    public const string ArchiveEntryBeyondFile = "EXPO1047";

    /// <summary>Two entries of a zip archive share bytes.</summary>
    public const string ArchiveEntriesOverlap = "EXPO1048";

    /// <summary>The header in front of an entry contradicts the directory.</summary>
    public const string ArchiveHeaderDiffers = "EXPO1049";

    /// <summary>A zip archive without PyTorch's <c>data.pkl</c>, or with several.</summary>
    public const string NotATorchArchive = "EXPO1050";

    /// <summary>A TorchScript program instead of a checkpoint.</summary>
    public const string TorchScript = "EXPO1051";

    /// <summary>Tensors in an order of bytes other than little-endian.</summary>
    public const string BigEndian = "EXPO1052";

    /// <summary>An entry does not have the checksum that the directory states.</summary>
    public const string ArchiveChecksumWrong = "EXPO1053";

    /// <summary><c>data.pkl</c> is too large.</summary>
    public const string PickleTooLarge = "EXPO1054";

    /// <summary><c>data.pkl</c> ends inside a value.</summary>
    public const string PickleTruncated = "EXPO1055";

    /// <summary><c>data.pkl</c> has an instruction that is not allowed.</summary>
    public const string PickleOpcodeRefused = "EXPO1056";

    /// <summary><c>data.pkl</c> names a function or class that is not allowed.</summary>
    public const string PickleGlobalRefused = "EXPO1057";

    /// <summary><c>data.pkl</c> is not of the form that PyTorch writes.</summary>
    public const string PickleMalformed = "EXPO1058";

    /// <summary><c>data.pkl</c> is nested too deep.</summary>
    public const string PickleTooDeep = "EXPO1059";

    /// <summary><c>data.pkl</c> makes too many values.</summary>
    public const string PickleTooManyValues = "EXPO1060";

    /// <summary>The file holds no dictionary of tensors.</summary>
    public const string NoStateDict = "EXPO1061";

    /// <summary>The file holds several dictionaries of tensors, or nests them.</summary>
    public const string AmbiguousStateDict = "EXPO1062";

    /// <summary>A tensor's name is a number or another thing.</summary>
    public const string TensorNameNotText = "EXPO1063";

    /// <summary>Two tensors of a state dict have one name.</summary>
    public const string TensorNameTwice = "EXPO1064";

    /// <summary>A tensor's storage has no entry in the archive.</summary>
    public const string StorageMissing = "EXPO1065";

    /// <summary>A storage has another size than the pickle says.</summary>
    public const string StorageSizeMismatch = "EXPO1066";

    /// <summary>A tensor reaches beyond its storage.</summary>
    public const string TensorBeyondStorage = "EXPO1067";

    /// <summary>A tensor's dtype has no counterpart in safetensors.</summary>
    public const string TensorDtypeNotRead = "EXPO1069";

    /// <summary>A sparse, quantised or other tensor that is no plain dense one.</summary>
    public const string TensorKindNotRead = "EXPO1070";

    /// <summary>A PyTorch file has no dictionary of tensors under the key that a reference names.</summary>
    public const string KeyNotInFile = "EXPO1071";
}
