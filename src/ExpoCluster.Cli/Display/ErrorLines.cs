using ExpoCluster.Cli.Commands;
using ExpoCluster.Client.Problems;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors;

namespace ExpoCluster.Cli.Display;

/// <summary>Errors as a user sees them: one line with code and cause for each, then what to do.</summary>
internal static class ErrorLines
{
    public static void Write(TextWriter output, ExpoException exception)
    {
        switch (exception)
        {
            case UsageException usage:
                foreach (RecipeProblem problem in usage.Problems)
                {
                    string path = problem.Path.Length > 0 ? problem.Path + ": " : "";
                    Write(output, problem.Code, path + problem.Message, problem.Advice);
                }

                break;
            case PlanningException planning:
                WriteKinds(output, planning);
                break;
            case ServerException { Problem.Problems: { Count: > 0 } problems }:
                foreach (ProblemDetail problem in problems)
                {
                    string path = problem.Path.Length > 0 ? problem.Path + ": " : "";
                    Write(output, problem.Code, path + problem.Message, problem.Advice ?? exception.Advice);
                }

                break;
            default:
                Write(output, exception.Code, exception.Message, exception.Advice);
                break;
        }
    }

    public static void Write(TextWriter output, string code, string message, string advice)
    {
        WriteProblem(output, code, message);
        WriteAdvice(output, advice);
    }

    // What helps against several is said once, behind them.
    private static void WriteKinds(TextWriter output, PlanningException planning)
    {
        for (int i = 0; i < planning.Kinds.Length; i++)
        {
            PlanProblemKind kind = planning.Kinds[i];
            WriteProblem(output, kind.Code, kind.Message);
            if (i + 1 == planning.Kinds.Length || planning.Kinds[i + 1].Advice != kind.Advice)
            {
                WriteAdvice(output, kind.Advice);
            }
        }
    }

    private static void WriteAdvice(TextWriter output, string advice) => output.WriteLine($"  {Printable.Shortened(advice, Printable.LongestLine)}");

    // The writer makes one line of each, whatever a name in it holds.
    private static void WriteProblem(TextWriter output, string code, string message) =>
        output.WriteLine($"error {code}: {Printable.Shortened(message, Printable.LongestLine)}");

    public static void WriteUnexpected(TextWriter output, Exception exception) => Write(
        output,
        "EXPO3000",
        $"unexpected {exception.GetType().Name}: {exception.Message}",
        "please report this as a bug of ExpoCluster.");
}
