using System.Collections.Immutable;

namespace ExpoCluster.Core.SideFiles;

/// <summary>Which files of a model directory go along with the weights.</summary>
public static class SideFileSelection
{
    /// <summary>What a loader needs besides the weights, sorted by path.</summary>
    public static ImmutableArray<SideFile> Select(string alignedDirectory) => throw new NotImplementedException();

    /// <summary>True for every top-level file that belongs to a model: weights, indexes, side files, model card, provenance.</summary>
    public static bool IsCheckpointFile(string fileName) => throw new NotImplementedException();

    /// <summary>True for weights in any format that a loader or a converter knows.</summary>
    public static bool IsWeights(string fileName) => throw new NotImplementedException();

    /// <summary>True for the file by which a loader finds the weights.</summary>
    public static bool IsEntryPoint(string fileName) => throw new NotImplementedException();
}
