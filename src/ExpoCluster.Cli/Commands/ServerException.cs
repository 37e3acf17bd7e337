using ExpoCluster.Client.Problems;
using ExpoCluster.Tensors;

namespace ExpoCluster.Cli.Commands;

/// <summary>A server's refusal as an error of this program.</summary>
internal sealed class ServerException(ExpoClusterException cause) : ExpoException(cause.Code, cause.Message, cause.Advice, cause)
{
    private const int UnprocessableContent = 422;

    public Problem Problem { get; } = cause.Problem;

    /// <summary>What was asked cannot be, whatever the code that says so.</summary>
    public bool IsUsage => Problem.Status == UnprocessableContent && Code[4] is '2' or '5';

    /// <summary>Runs a conversation with a server.</summary>
    public static async Task<T> AroundAsync<T>(Func<Task<T>> conversation)
    {
        try
        {
            return await conversation().ConfigureAwait(false);
        }
        catch (ExpoClusterException exception)
        {
            throw new ServerException(exception);
        }
    }
}
