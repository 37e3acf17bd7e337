using ExpoCluster.Cli.Display;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Cli.Tests.Display;

public sealed class ErrorLinesTests
{
    private readonly StringWriter output = new() { NewLine = "\n" };

    [Fact]
    public void An_error_is_a_line_with_its_code_and_a_line_with_what_to_do()
    {
        ErrorLines.Write(output, StorageException.TooSmall("/out", neededBytes: 5000, freeBytes: 100));

        Assert.Equal(
            "error EXPO4001: /out: the file system is too small for the output (needed 5,000 bytes, free 100).\n"
            + "  free some space there (or choose another --out), then run the same command again: it resumes.\n",
            output.ToString());
    }

    [Fact]
    public void Every_problem_of_a_recipe_has_its_own_lines()
    {
        ErrorLines.Write(output, new UsageException([new RecipeProblem("EXPO2001", "base", "is missing.", "add it."), new RecipeProblem("EXPO2004", "--alpha", "is bad.", "give one.")]));

        Assert.Equal("error EXPO2001: base: is missing.\n  add it.\nerror EXPO2004: --alpha: is bad.\n  give one.\n", output.ToString());
    }

    [Fact]
    public void Every_tensor_that_does_not_fit_has_its_own_line()
    {
        ErrorLines.Write(output, new PlanningException([new PlanProblem("EXPO1201", "a", "one."), new PlanProblem("EXPO1203", "b", "two.")]));

        Assert.StartsWith("error EXPO1201: one.\nerror EXPO1203: two.\n  use --on-mismatch", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_unexpected_error_shows_no_stack_trace()
    {
        ErrorLines.WriteUnexpected(output, new InvalidOperationException("oops"));

        Assert.Equal("error EXPO3000: unexpected InvalidOperationException: oops\n  please report this as a bug of ExpoCluster.\n", output.ToString());
    }
}
