using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Tensors.Files;

/// <summary>
/// Opens and reads regular files; whatever the operating system refuses becomes a <see cref="TensorFileException"/>.
/// </summary>
public static class ReadableFile
{
    /// <exception cref="TensorFileException">It is missing, no regular file, or not readable.</exception>
    /// <param name="path">Of the file.</param>
    /// <param name="name">How errors name it; null for its path.</param>
    public static SafeFileHandle Open(string path, string? name = null)
    {
        try
        {
            return RegularFile.OpenToRead(path);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw Refusal(name ?? path, cause);
        }
    }

    /// <summary>Fills <paramref name="buffer"/> with the bytes at <paramref name="offset"/>.</summary>
    internal static void ReadExactly(SafeFileHandle handle, Span<byte> buffer, long offset, string path)
    {
        while (!buffer.IsEmpty)
        {
            int count = ReadSome(handle, buffer, offset, path);
            if (count == 0)
            {
                throw TensorFileRule.KeepsItsLength.Broken(
                    path, offset: offset, expected: $"at least {offset + buffer.Length} bytes", found: $"{offset} bytes");
            }

            buffer = buffer[count..];
            offset += count;
        }
    }

    /// <summary>What to tell the user of an exception that opening or reading the file ended in.</summary>
    internal static TensorFileException Refusal(string path, Exception cause) => cause switch
    {
        NotRegularFileException other => TensorFileRule.IsAFile.Broken(path, found: other.Found, cause: other),
        _ when Directory.Exists(path) => TensorFileRule.IsAFile.Broken(path, found: "a directory", cause: cause),
        FileNotFoundException or DirectoryNotFoundException => TensorFileRule.Exists.Broken(path, cause: cause),
        UnauthorizedAccessException => TensorFileRule.IsAccessible.Broken(path, cause: cause),
        _ => TensorFileRule.IsReadable.Broken(path, found: cause.Message, cause: cause),
    };

    private static int ReadSome(SafeFileHandle handle, Span<byte> buffer, long offset, string path)
    {
        try
        {
            return RandomAccess.Read(handle, buffer, offset);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw Refusal(path, cause);
        }
    }
}
