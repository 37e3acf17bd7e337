using System.Collections.Immutable;

namespace ExpoCluster.Core.Hub.Download;

/// <summary>How far one file has come.</summary>
/// <param name="Name">For people: the model and the file.</param>
/// <param name="ByteLength">Of the whole file.</param>
/// <param name="BytesDone">Those that earlier runs brought are among them.</param>
public sealed record FileProgress(string Name, long ByteLength, long BytesDone);

/// <summary>How far a download has come.</summary>
public sealed record DownloadProgress(ImmutableArray<FileProgress> Files);
