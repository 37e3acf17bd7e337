using System.Text.Json.Nodes;
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
    public void Tensors_that_do_not_fit_for_one_reason_have_one_line_and_common_advice_stands_once()
    {
        ErrorLines.Write(output, new PlanningException(
        [
            new PlanProblem("EXPO1201", "a", "one.") { OfMany = "are odd", Advice = "mend them." },
            new PlanProblem("EXPO1203", "b", "two.") { Advice = "mend them." },
            new PlanProblem("EXPO1201", "c", "three.") { OfMany = "are odd", Advice = "mend them." },
            new PlanProblem("EXPO1204", "d", "four.") { Advice = "leave it." },
        ]));

        Assert.Equal(
            "error EXPO1201: 2 tensors are odd: a, c.\nerror EXPO1203: two.\n  mend them.\nerror EXPO1204: four.\n  leave it.\n", output.ToString());
    }

    [Fact]
    public void Programs_are_told_all_names()
    {
        JsonObject json = JsonOutput.Of(new PlanningException(
            [.. Enumerable.Range(0, 30).Select(i => new PlanProblem("EXPO1201", $"h.{i}.w", "one.") { OfMany = "are odd" })]));

        JsonNode problem = Assert.Single(json["problems"]!.AsArray())!;
        Assert.Equal(("EXPO1201", "h.*.w", 30), ((string)problem["code"]!, (string)problem["path"]!, (int)problem["count"]!));
        Assert.Equal((30, 5), (problem["tensors"]!.AsArray().Count, problem["examples"]!.AsArray().Count));
    }

    [Fact]
    public void An_unexpected_error_shows_no_stack_trace()
    {
        ErrorLines.WriteUnexpected(output, new InvalidOperationException("oops"));

        Assert.Equal("error EXPO3000: unexpected InvalidOperationException: oops\n  please report this as a bug of ExpoCluster.\n", output.ToString());
    }
}
