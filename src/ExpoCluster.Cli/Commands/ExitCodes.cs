using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors;

namespace ExpoCluster.Cli.Commands;

/// <summary>What the program returns to its caller.</summary>
internal static class ExitCodes
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int Usage = 2;
    public const int Input = 3;
    public const int Storage = 4;
    public const int Interrupted = 130;

    /// <summary>What was asked wrongly is a usage error, whichever part of the program found it.</summary>
    public static int Of(ExpoException exception) => exception switch
    {
        UsageException or ServerException { IsUsage: true } => Usage,
        _ => Of(exception.Code),
    };

    /// <summary>The first digit of a code tells whose fault it is.</summary>
    public static int Of(string code) => code switch
    {
        ['E', 'X', 'P', 'O', '1', ..] => Input,
        ['E', 'X', 'P', 'O', '2', ..] => Usage,
        ['E', 'X', 'P', 'O', '4', ..] => Storage,
        _ => Failed,
    };
}
