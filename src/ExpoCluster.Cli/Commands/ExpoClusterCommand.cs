using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using ExpoCluster.Cli.Display;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;

namespace ExpoCluster.Cli.Commands;

/// <summary>The program: its commands, and the one place where errors become lines and exit codes.</summary>
internal static class ExpoClusterCommand
{
    public const string WrongArguments = "EXPO2080";

    /// <summary>In characters.</summary>
    public const int MaxHelpWidth = 100;

    // Of these the answer is all there is; the others leave a model, a file, a job or a node that is as it should be, whoever hears of it.
    private static readonly string[] Deeds = ["merge", "sample", "report", "credentials", "node", "health", "watch", "cancel", "resume", "prune"];

    public static RootCommand Create()
    {
        var root = new RootCommand("Extrapolate aligned language models (ExPO): merged = aligned + alpha * (aligned - base).");
        root.Subcommands.Add(MergeCommand.Create());
        root.Subcommands.Add(PlanCommand.Create());
        root.Subcommands.Add(InspectCommand.Create());
        root.Subcommands.Add(DiffCommand.Create());
        root.Subcommands.Add(VerifyCommand.Create());
        root.Subcommands.Add(ReportCommand.Create());
        root.Subcommands.Add(RecipesCommand.Create());
        root.Subcommands.Add(SampleCommand.Create());
        root.Subcommands.Add(NodeCommand.Create());
        root.Subcommands.Add(JobsCommand.Create());
        root.Subcommands.Add(CredentialsCommand.Create());
        root.Subcommands.Add(HealthCommand.Create());
        root.Subcommands.Add(CompletionCommand.Create());
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        ((HelpAction)help.Action!).MaxWidth = MaxHelpWidth;
        foreach (string path in new[] { "/?", "/h" })
        {
            // What may be a path is one.
            help.Aliases.Remove(path);
        }

        return root;
    }

    public static async Task<int> RunAsync(string[] arguments)
    {
        Terminal.Begin();
        ParseResult parsed = Create().Parse(arguments);
        int code = parsed.Errors.Count > 0 ? ReportWrongArguments(parsed) : await InvokeAsync(parsed).ConfigureAwait(false);
        return Terminal.End(code, onlySpeaks: !Deeds.Contains(parsed.CommandResult.Command.Name));
    }

    private static async Task<int> InvokeAsync(ParseResult parsed)
    {
        // The merge has its own way to stop; the library must not cut it short.
        var configuration = new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null, Output = Terminal.Words,
        };
        try
        {
            MemoryShortage.DemandRuntime(AddressSpace.FindLeft());
            return await parsed.InvokeAsync(configuration).ConfigureAwait(false);
        }
        catch (ExpoException exception)
        {
            ErrorLines.Write(Console.Error, exception);
            return ExitCodes.Of(exception);
        }
        catch (OperationCanceledException)
        {
            return ExitCodes.Interrupted;
        }
        catch (Exception exception) when (MemoryShortage.Of(exception) is { } shortage)
        {
            ErrorLines.Write(Console.Error, shortage);
            return ExitCodes.Of(shortage);
        }
#pragma warning disable CA1031 // The edge of the program: no stack trace may reach a user.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            ErrorLines.WriteUnexpected(Console.Error, exception);
            return ExitCodes.Failed;
        }
    }

    private static int ReportWrongArguments(ParseResult parsed)
    {
        string command = parsed.CommandResult.Command.Name;
        foreach (ParseError error in parsed.Errors)
        {
            ErrorLines.Write(
                Console.Error,
                new UsageException(new RecipeProblem(
                    WrongArguments, "", error.Message, $"see expocluster {(parsed.CommandResult.Command is RootCommand ? "" : command + " ")}--help.")));
        }

        return ExitCodes.Usage;
    }
}
