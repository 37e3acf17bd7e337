namespace ExpoCluster.Core.Recipes;

/// <summary>What to do with a tensor that the two checkpoints do not share in name, shape and kind.</summary>
public enum MismatchPolicy
{
    /// <summary>Refuse the merge.</summary>
    Error,

    /// <summary>Take the aligned model's tensor as it is.</summary>
    CopyAligned,

    /// <summary>Leave the tensor out.</summary>
    Drop,

    /// <summary>Of a matrix with as many columns on both sides: extrapolate the rows that both have, copy aligned's further ones.</summary>
    ExtrapolateCommonRows,

    /// <summary>Extrapolate aligned's output head against base's embedding, to which base ties its head.</summary>
    Untie,
}

/// <summary>The words for policies in recipes, commands and records.</summary>
internal static class MismatchPolicyWords
{
    private static readonly (string Word, MismatchPolicy Policy)[] Rows =
    [
        ("error", MismatchPolicy.Error),
        ("copy-aligned", MismatchPolicy.CopyAligned),
        ("drop", MismatchPolicy.Drop),
        ("extrapolate-common-rows", MismatchPolicy.ExtrapolateCommonRows),
        ("untie", MismatchPolicy.Untie),
    ];

    public static string All { get; } = string.Join(", ", Rows.Select(row => row.Word));

    public static string Word(this MismatchPolicy policy) => Rows.Single(row => row.Policy == policy).Word;

    /// <summary>Underscores may stand for hyphens, as people are used to from YAML's keys.</summary>
    public static MismatchPolicy? Parse(string text)
    {
        string word = text.Replace('_', '-');
        return Rows.Where(row => row.Word == word).Select(row => (MismatchPolicy?)row.Policy).FirstOrDefault();
    }
}
