namespace ExpoCluster.Core.Parts;

/// <summary>How a part's inputs are read.</summary>
public enum ReadMode
{
    /// <summary>Memory-mapped. Fastest, but a file that is truncated meanwhile kills the process.</summary>
    Mapped,

    /// <summary>Positioned reads: a short file is an ordinary error.</summary>
    Positioned,
}
