using ExpoCluster.Cli.Display;
using ExpoCluster.Tensors;

namespace ExpoCluster.Cli.Commands;

/// <summary>With <c>--json</c>, an error is an object on standard output besides its lines on standard error.</summary>
internal static class JsonErrors
{
    public static int Around(bool json, Func<int> command)
    {
        try
        {
            return command();
        }
        catch (ExpoException exception) when (json)
        {
            return Report(exception);
        }
    }

    public static async Task<int> AroundAsync(bool json, Func<Task<int>> command)
    {
        try
        {
            return await command().ConfigureAwait(false);
        }
        catch (ExpoException exception) when (json)
        {
            return Report(exception);
        }
    }

    private static int Report(ExpoException exception)
    {
        ErrorLines.Write(Console.Error, exception);
        JsonOutput.Write(JsonOutput.Of(exception));
        return ExitCodes.Of(exception);
    }
}
