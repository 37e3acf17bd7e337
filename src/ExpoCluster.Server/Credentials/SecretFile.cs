using ExpoCluster.Tensors.Files;

namespace ExpoCluster.Server.Credentials;

/// <summary>Files that are made once and never overwritten.</summary>
internal static class SecretFile
{
    private const int MaxBytes = 1 << 20;

    public const UnixFileMode ForOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public const UnixFileMode ForAll = ForOwner | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>Makes a file, whole or not at all, with its mode from the first moment.</summary>
    /// <param name="path">Its directory is made where it is missing.</param>
    /// <param name="mode">Who may read it.</param>
    /// <param name="content">Asked only when the file is missing.</param>
    /// <returns>Whether it was made; false where it was there already.</returns>
    /// <exception cref="CredentialsException">It cannot be made.</exception>
    public static bool MakeIfMissing(string path, UnixFileMode mode, Func<string> content)
    {
        if (File.Exists(path))
        {
            return false;
        }

        string unfinished = $"{path}.{Environment.ProcessId}.unfinished";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            Write(unfinished, mode, content());
            File.Move(unfinished, path, overwrite: false);
            return true;
        }
        catch (IOException) when (File.Exists(path))
        {
            // Somebody else made it meanwhile, and what is there stays.
            File.Delete(unfinished);
            return false;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CredentialsException($"{path} cannot be made ({exception.Message}).", "give a directory that this user may write to.", exception);
        }
    }

    /// <exception cref="CredentialsException">It cannot be read.</exception>
    public static string Read(string path)
    {
        try
        {
            return RegularFile.ReadText(path, MaxBytes);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CredentialsException($"{path} cannot be read ({exception.Message}).", "run this as the user who made it.", exception);
        }
    }

    private static void Write(string path, UnixFileMode mode, string content)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = mode;
        }

        using var file = new FileStream(path, options);
        if (!OperatingSystem.IsWindows())
        {
            // The process's mask may have taken away what others need.
            File.SetUnixFileMode(file.SafeFileHandle, mode);
        }

        file.Write(System.Text.Encoding.UTF8.GetBytes(content));
        file.Flush(flushToDisk: true);
    }
}
