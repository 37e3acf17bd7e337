namespace ExpoCluster.Core.Recipes;

/// <summary>What to do with a tensor that the two checkpoints do not share in name and shape.</summary>
public enum MismatchPolicy
{
    /// <summary>Refuse the merge.</summary>
    Error,

    /// <summary>Take the aligned model's tensor as it is.</summary>
    CopyAligned,

    /// <summary>Leave the tensor out.</summary>
    Drop,
}
