using ExpoCluster.Tensors.Files;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Core.Storage;

/// <summary>Tries to write as a merge does on a file system whose kind tells nothing: every program in user space is called fuse.</summary>
/// <param name="write">Writes bytes at an offset.</param>
internal sealed class StorageProbe(Action<SafeFileHandle, byte[], long> write)
{
    private const int BlockBytes = 4096;

    public StorageProbe()
        : this((file, bytes, offset) => RandomAccess.Write(file, bytes, offset))
    {
    }

    /// <summary>Leaves nothing behind.</summary>
    /// <param name="directory">Where a merge works.</param>
    /// <param name="kind">Of the file system, for the error.</param>
    /// <exception cref="StorageException">It cannot write out of order.</exception>
    public void Check(string directory, string kind)
    {
        string path = Path.Join(directory, "probe");
        try
        {
            Require(() => WritesBackwards(path), directory, kind);
        }
        finally
        {
            Remove(path);
        }
    }

    private bool WritesBackwards(string path)
    {
        byte[] first = [.. Enumerable.Repeat((byte)1, BlockBytes)];
        byte[] second = [.. Enumerable.Repeat((byte)2, BlockBytes)];
        using (SafeFileHandle file = RegularFile.OpenToWrite(path, create: true))
        {
            write(file, second, BlockBytes);
            write(file, first, 0);
            RandomAccess.FlushToDisk(file);
        }

        return RegularFile.ReadBytes(path, 2 * BlockBytes).AsSpan().SequenceEqual([.. first, .. second]);
    }

    private static void Require(Func<bool> works, string directory, string kind)
    {
        Exception? cause = null;
        try
        {
            if (works())
            {
                return;
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            cause = exception;
        }

        throw new StorageException(
            StorageException.Unsuitable,
            $"{directory}: this file system ({kind}) cannot write a file out of order{(cause is null ? "" : $": {cause.Message}")}.",
            "choose an --out on a local file system, NFSv4.1+, CephFS or Lustre, and copy the model there afterwards.",
            cause);
    }

    private static void Remove(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // What cannot be removed either is in the workspace, which goes as a whole.
        }
    }
}
