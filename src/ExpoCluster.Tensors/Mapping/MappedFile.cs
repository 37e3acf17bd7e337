namespace ExpoCluster.Tensors.Mapping;

/// <summary>A file mapped read-only into memory, released on <see cref="Dispose"/>.</summary>
public sealed class MappedFile : IDisposable
{
    /// <summary>Maps the whole file, whose length must be <paramref name="expectedLength"/>.</summary>
    /// <exception cref="TensorFileException">Missing, unreadable, or of another length.</exception>
    public static MappedFile Open(string path, long expectedLength) => throw new NotImplementedException();

    public string Path => throw new NotImplementedException();

    public long Length => throw new NotImplementedException();

    /// <summary>The bytes [offset, offset + count). The span is valid until <see cref="Dispose"/>; reading it when the file
    /// was truncated meanwhile kills the process (SIGBUS).</summary>
    public ReadOnlySpan<byte> Span(long offset, int count) => throw new NotImplementedException();

    public void Dispose() => throw new NotImplementedException();
}
