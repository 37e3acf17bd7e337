using System.CommandLine;
using ExpoCluster.Server.Reports;

namespace ExpoCluster.Cli.Commands;

/// <summary><c>expocluster report</c>: what a merge changed, as one file to keep beside the model.</summary>
internal static class ReportCommand
{
    private const string DefaultFile = "report.html";

    public static Command Create()
    {
        var directories = new Argument<string[]>("DIR")
        {
            Description = "What merge has written; a sweep's directory, or several, are compared.", Arity = ArgumentArity.OneOrMore,
        };
        Option<string?> output = RecipeOptions.Text("--out", "FILE.html", $"Where the report goes; {DefaultFile} in the first DIR by default.");
        var command = new Command("report", "Write a report of what a merge changed, layer by layer, as one HTML file.");
        command.Arguments.Add(directories);
        command.Options.Add(output);
        command.SetAction((parsed, _) => RunAsync(parsed.GetValue(directories)!, parsed.GetValue(output)));
        return command;
    }

    private static async Task<int> RunAsync(string[] directories, string? output)
    {
        string file = output ?? Path.Join(directories[0], DefaultFile);
        await ReportPage.WriteAsync(directories, file).ConfigureAwait(false);
        Console.Out.WriteLine(file);
        return ExitCodes.Done;
    }
}
