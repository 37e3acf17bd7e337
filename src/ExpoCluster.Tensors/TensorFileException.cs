namespace ExpoCluster.Tensors;

/// <summary>A weights file that breaks a rule of its format, cannot be read, or is not what it was.</summary>
public sealed class TensorFileException(
    string code,
    string file,
    string problem,
    string advice,
    string? tensor = null,
    long? offset = null,
    string? expected = null,
    string? found = null,
    Exception? innerException = null)
    : ExpoException(code, Describe(file, problem, tensor, offset, expected, found), advice, innerException)
{
    public string File { get; } = file;

    public string Problem { get; } = problem;

    public string? Tensor { get; } = tensor;

    /// <summary>Bytes from the start of the file.</summary>
    public long? Offset { get; } = offset;

    public string? Expected { get; } = expected;

    public string? Found { get; } = found;

    private static string Describe(
        string file, string problem, string? tensor, long? offset, string? expected, string? found)
    {
        string where = (tensor, offset) switch
        {
            (null, null) => file,
            (null, _) => $"{file}, offset {offset}",
            (_, null) => $"{file}, tensor '{Printable.Of(tensor)}'",
            _ => $"{file}, tensor '{Printable.Of(tensor)}', offset {offset}",
        };
        string what = (expected, found) switch
        {
            (null, null) => "",
            (null, _) => $" (found {Printable.Of(found)})",
            (_, null) => $" (expected {expected})",
            _ => $" (expected {expected}, found {Printable.Of(found)})",
        };
        return $"{where}: {problem}{what}";
    }
}
