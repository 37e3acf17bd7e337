namespace ExpoCluster.Tensors;

/// <summary>
/// The base of every error that is the world's fault and not the program's: it carries a searchable code and what to do.
/// </summary>
/// <remarks>The codes are listed in docs/errors.md: 1xxx files, 2xxx recipes, 3xxx jobs, 4xxx storage, 5xxx cluster.</remarks>
public abstract class ExpoException(string code, string message, string advice, Exception? innerException = null)
    : Exception(message, innerException)
{
    /// <summary>For example <c>EXPO1004</c>.</summary>
    public string Code { get; } = code;

    /// <summary>One sentence that tells the user what to do now.</summary>
    public string Advice { get; } = advice;
}
