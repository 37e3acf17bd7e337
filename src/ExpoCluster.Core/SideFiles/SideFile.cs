namespace ExpoCluster.Core.SideFiles;

/// <summary>A file that a loader needs besides the weights.</summary>
/// <param name="RelativePath">Where it goes in the output, with <c>/</c> between directories.</param>
/// <param name="SourcePath">Where its content is read; may be a symbolic link.</param>
public sealed record SideFile(string RelativePath, string SourcePath)
{
    /// <summary>Of the content, when it was selected.</summary>
    public long ByteLength { get; init; }
}
