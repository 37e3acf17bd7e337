using ExpoCluster.Tensors.Files;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Tensors;

/// <summary>The bytes of one weights file at any offset, wherever the file is.</summary>
/// <remarks>Headers are read through it; tensor data is not. Instances may be used by one thread at a time.</remarks>
public abstract class ByteSource : IDisposable
{
    /// <summary>How errors name the file.</summary>
    public abstract string Name { get; }

    /// <summary>Bytes of the whole file.</summary>
    public abstract long ByteLength { get; }

    /// <summary>Whether each read is a request to another machine, so that few reads matter more than few bytes.</summary>
    public virtual bool IsRemote => false;

    /// <summary>Opens a file of this machine.</summary>
    /// <exception cref="TensorFileException">It is missing, no file, or not readable.</exception>
    public static ByteSource OfFile(string path) => new LocalFile(path);

    /// <summary>A file of this machine that is open already; it is closed with this.</summary>
    public static ByteSource OfFile(SafeFileHandle opened, string path) => new LocalFile(opened, path);

    /// <summary>Fills <paramref name="buffer"/> with the bytes at <paramref name="offset"/>.</summary>
    /// <exception cref="TensorFileException">They cannot be read, or the file ends before them.</exception>
    public abstract void ReadExactly(Span<byte> buffer, long offset);

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);

    private sealed class LocalFile : ByteSource
    {
        private readonly SafeFileHandle handle;

        public LocalFile(string path)
        {
            Name = path;
            handle = ReadableFile.Open(path);
            ByteLength = RandomAccess.GetLength(handle);
        }

        public LocalFile(SafeFileHandle opened, string path)
        {
            Name = path;
            handle = opened;
            ByteLength = RandomAccess.GetLength(handle);
        }

        public override string Name { get; }

        public override long ByteLength { get; }

        public override void ReadExactly(Span<byte> buffer, long offset) => ReadableFile.ReadExactly(handle, buffer, offset, Name);

        protected override void Dispose(bool disposing) => handle.Dispose();
    }
}
