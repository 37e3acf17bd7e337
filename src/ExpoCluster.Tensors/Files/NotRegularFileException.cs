namespace ExpoCluster.Tensors.Files;

/// <summary>What has the file's name is a pipe, a device, a directory, or of a file system without files on a disk.</summary>
public sealed class NotRegularFileException(string found)
    : IOException($"it is {found}, not a regular file")
{
    /// <summary>In words: <c>a named pipe</c>.</summary>
    public string Found { get; } = found;
}

/// <summary>A file that is read whole is longer than any of its kind.</summary>
public sealed class FileTooLongException(long maxBytes)
    : IOException($"it is longer than {maxBytes} bytes")
{
    public long MaxBytes { get; } = maxBytes;
}
