using System.Collections.Immutable;

namespace ExpoCluster.Core.Methods;

/// <summary>The methods of this version.</summary>
public static class MergeMethods
{
    /// <summary>ExPO, the method of recipes that name none.</summary>
    public static ExpoMethod Expo { get; } = new();

    /// <summary>In the order in which they are listed.</summary>
    public static ImmutableArray<MergeMethod> All { get; } = [Expo];

    /// <summary>Null where this version has no such method.</summary>
    public static MergeMethod? Find(string name) => All.FirstOrDefault(method => method.Name == name);
}
