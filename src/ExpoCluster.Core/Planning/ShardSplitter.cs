using System.Collections.Immutable;

namespace ExpoCluster.Core.Planning;

/// <summary>The Hub's splitter: in the order given, greedy, a new file when size + next exceeds the limit.</summary>
public static class ShardSplitter
{
    /// <summary>Natural order of tensor names: numbers by value, embeddings first, final norm and head last.</summary>
    public static IComparer<string> NaturalOrder => throw new NotImplementedException();

    /// <summary>Groups positions into files; a tensor larger than <paramref name="maxBytes"/> gets a file of its own.</summary>
    public static ImmutableArray<ImmutableArray<int>> Split(IReadOnlyList<long> byteCounts, long maxBytes) =>
        throw new NotImplementedException();

    /// <summary>The file name that loaders expect; <paramref name="index"/> counts from 1.</summary>
    public static string FileName(int index, int count) => throw new NotImplementedException();
}
