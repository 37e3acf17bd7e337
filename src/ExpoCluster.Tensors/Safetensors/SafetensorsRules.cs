namespace ExpoCluster.Tensors.Safetensors;

/// <summary>The rules of the format, in the order in which a file is checked against them.</summary>
internal static class SafetensorsRules
{
    private const string Redownload = "The file is damaged or incomplete: download or copy it again.";
    private const string Rewrite =
        "The program that wrote this file broke the format: write it again with the safetensors library.";

    public static readonly TensorFileRule HasALength = new(
        TensorFileErrors.TooShort, "the file is too short to be a safetensors file", Redownload);

    public static readonly TensorFileRule HeaderWithinCap = new(
        TensorFileErrors.HeaderTooLarge,
        "the header is larger than the format allows",
        "This is no safetensors file, or a damaged one: check what it is, or download it again.");

    public static readonly TensorFileRule HeaderWithinFile = new(
        TensorFileErrors.HeaderTruncated, "the file ends before its header does", Redownload);

    public static readonly TensorFileRule HeaderIsUtf8 = new(
        TensorFileErrors.NotUtf8, "the header is not UTF-8 text", Redownload);

    public static readonly TensorFileRule HeaderIsJson = new(
        TensorFileErrors.NotJson, "the header is not JSON", Redownload);

    public static readonly TensorFileRule HeaderIsAnObject = new(
        TensorFileErrors.NotAnObject, "the header is not a JSON object", Rewrite);

    public static readonly TensorFileRule HeaderIsOnlyAnObject = new(
        TensorFileErrors.NotOnlyAnObject, "the header holds something besides one JSON object and white space", Rewrite);

    public static readonly TensorFileRule TextIsUnicode = new(
        TensorFileErrors.LoneSurrogate, "a text in the header holds half a surrogate pair", Rewrite);

    public static readonly TensorFileRule NestingIsShallow = new(
        TensorFileErrors.NestedTooDeep, "the header is nested too deep", Rewrite);

    public static readonly TensorFileRule KeysAreUnique = new(
        TensorFileErrors.DuplicateKey, "a key stands twice in the header", Rewrite);

    public static readonly TensorFileRule MetadataIsText = new(
        TensorFileErrors.MetadataNotText, "__metadata__ is not a map of texts to texts", Rewrite);

    public static readonly TensorFileRule EntryIsWhole = new(
        TensorFileErrors.MalformedEntry, "the entry does not have the form of a tensor", Rewrite);

    public static readonly TensorFileRule DtypeIsKnown = new(
        TensorFileErrors.UnknownDtype,
        "the dtype is unknown",
        "Convert the tensor to a dtype of the format, or ask for support of the new one.");

    public static readonly TensorFileRule NumberIsWhole = new(
        TensorFileErrors.NotAWholeNumber, "a number of the shape or the offsets is not a plain whole number of 64 bits", Rewrite);

    public static readonly TensorFileRule SizeFits = new(
        TensorFileErrors.SizeOverflow, "a size does not fit into 63 bits", Rewrite);

    public static readonly TensorFileRule OffsetsAscend = new(
        TensorFileErrors.OffsetsReversed, "the tensor ends before it begins", Rewrite);

    public static readonly TensorFileRule DataHasNoHole = new(
        TensorFileErrors.HoleInData, "bytes that belong to no tensor lie before this one", Rewrite);

    public static readonly TensorFileRule TensorsAreDisjoint = new(
        TensorFileErrors.TensorsOverlap, "the tensor shares bytes with another one", Rewrite);

    public static readonly TensorFileRule ElementsFillBytes = new(
        TensorFileErrors.NotWholeBytes, "the elements of the tensor do not fill whole bytes", Rewrite);

    public static readonly TensorFileRule SizeMatchesOffsets = new(
        TensorFileErrors.SizeMismatch, "shape and dtype ask for another size than the offsets give", Rewrite);

    public static readonly TensorFileRule DataWithinFile = new(
        TensorFileErrors.DataTruncated, "the file ends before its last tensor does", Redownload);

    public static readonly TensorFileRule FileEndsWithData = new(
        TensorFileErrors.BytesAfterData,
        "the file goes on behind its last tensor",
        "Something was appended to the file: do not trust it, download it again.");

    public static readonly TensorFileRule NameIsNotReserved = new(
        TensorFileErrors.ReservedName, "a tensor cannot have the name of the metadata", "Rename the tensor.");

    public static readonly TensorFileRule NewHeaderWithinCap = new(
        TensorFileErrors.NewHeaderTooLarge,
        "the header to be written is larger than the format allows",
        "Split the checkpoint into more files.");
}
