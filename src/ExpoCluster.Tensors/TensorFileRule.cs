namespace ExpoCluster.Tensors;

/// <summary>A rule that weights files keep, and what to say to the user when one does not.</summary>
internal sealed record TensorFileRule(string Code, string Problem, string Advice)
{
    public static readonly TensorFileRule Exists = new(
        TensorFileErrors.FileMissing, "the file does not exist", "Check the path, or download the missing file again.");

    public static readonly TensorFileRule IsAccessible = new(
        TensorFileErrors.AccessDenied,
        "the file may not be read",
        "Give this user permission to read the file and its directory.");

    public static readonly TensorFileRule IsAFile = new(
        TensorFileErrors.NotAFile, "this is not a regular file", "Name the weights file itself.");

    public static readonly TensorFileRule IsReadable = new(
        TensorFileErrors.ReadFailed,
        "the file cannot be read",
        "Check the disk or the network file system, then run the command again.");

    public static readonly TensorFileRule KeepsItsLength = new(
        TensorFileErrors.LengthChanged,
        "the file has another length than when it was first read",
        "Let no other program write the file, then run the command again.");

    public TensorFileException Broken(
        string file,
        string? tensor = null,
        long? offset = null,
        string? expected = null,
        string? found = null,
        Exception? cause = null) =>
        new(Code, file, Problem, Advice, tensor, offset, expected, found, cause);
}
