using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using ExpoCluster.Cli.Display;
using ExpoCluster.Client;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Cli.Commands;

/// <summary><c>expocluster jobs</c>: the jobs of a cluster.</summary>
internal static class JobsCommand
{
    internal const string WrongLimit = "EXPO2086";

    public static Command Create()
    {
        var server = new ServerOptions(isRequired: true);
        var json = new Option<bool>("--json") { Description = "Print one JSON object, on standard output.", Recursive = true };
        var command = new Command("jobs", "List, show, watch, cancel, resume or forget the jobs of a cluster.");
        server.AddTo(command);
        command.Options.Add(json);
        Command list = CreateList(server, json);
        command.Subcommands.Add(list);
        command.Subcommands.Add(CreateForOne("show", "Show one job.", server, json, (client, id) => client.ShowAsync(id), Show));
        command.Subcommands.Add(CreateWatch(server, json));
        command.Subcommands.Add(CreateForOne("cancel", "Cancel a job; what it has computed is removed.", server, json, (client, id) => client.CancelAsync(id), SayState));
        command.Subcommands.Add(CreateForOne("resume", "Let a suspended or failed job go on.", server, json, (client, id) => client.ResumeAsync(id), SayState));
        command.Subcommands.Add(PruneCommand.Create(server, json));
        command.SetAction((parsed, _) => RunAsync(
            server, parsed, parsed.GetValue(json), client => ListAsync(client, new JobQuery(), parsed.GetValue(json))));
        return command;
    }

    private static Command CreateList(ServerOptions server, Option<bool> json)
    {
        var state = new Option<string[]>("--state") { HelpName = "STATE", Description = "Only jobs in this state; may be given several times." };
        state.CompletionSources.Add([.. JobStates.All]);
        Option<string?> limit = RecipeOptions.Text("--limit", "N", "At most so many; 50 by default.");
        Option<string?> cursor = RecipeOptions.Text("--cursor", "C", "The next page: what --json gave as next.");
        var command = new Command("list", "List the jobs, newest first.");
        command.Options.Add(state);
        command.Options.Add(limit);
        command.Options.Add(cursor);
        command.SetAction((parsed, _) => RunAsync(server, parsed, parsed.GetValue(json), client => ListAsync(
            client,
            new JobQuery { States = parsed.GetValue(state) ?? [], Limit = ReadLimit(parsed.GetValue(limit)), Cursor = parsed.GetValue(cursor) },
            parsed.GetValue(json))));
        return command;
    }

    private static Command CreateWatch(ServerOptions server, Option<bool> json)
    {
        var id = new Argument<string>("ID") { Description = "The job's id." };
        var quiet = new Option<bool>("--quiet") { Description = "Show errors only." };
        var command = new Command("watch", "Watch a job until it stops. Ctrl-C leaves it alone.");
        command.Arguments.Add(id);
        command.Options.Add(quiet);
        command.SetAction((parsed, _) => RunAsync(server, parsed, parsed.GetValue(json), client => WatchAsync(
            client, parsed.GetValue(id)!, parsed.GetValue(quiet), parsed.GetValue(json))));
        return command;
    }

    private static Command CreateForOne(
        string name, string description, ServerOptions server, Option<bool> json, Func<ExpoClusterClient, string, Task<Job>> ask, Action<Job> say)
    {
        var id = new Argument<string>("ID") { Description = "The job's id." };
        var command = new Command(name, description);
        command.Arguments.Add(id);
        command.SetAction((parsed, _) => RunAsync(server, parsed, parsed.GetValue(json), async client =>
        {
            Job job = await ask(client, parsed.GetValue(id)!).ConfigureAwait(false);
            if (parsed.GetValue(json))
            {
                WriteJson(job);
            }
            else
            {
                say(job);
            }

            return ExitCodes.Done;
        }));
        return command;
    }

    internal static Task<int> RunAsync(ServerOptions server, ParseResult parsed, bool json, Func<ExpoClusterClient, Task<int>> run) =>
        JsonErrors.AroundAsync(json, () => ServerException.AroundAsync(async () =>
        {
            using ExpoClusterClient client = server.Connect(parsed);
            return await run(client).ConfigureAwait(false);
        }));

    private static async Task<int> ListAsync(ExpoClusterClient client, JobQuery query, bool json)
    {
        JobPage page = await client.ListAsync(query).ConfigureAwait(false);
        if (json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(page, ContractJson.Default.JobPage));
            return ExitCodes.Done;
        }

        JobLines.Show(Terminal.Tables, page.Jobs);
        if (page.Next is { } next)
        {
            Console.Out.WriteLine($"there are more: --cursor {next}");
        }

        return ExitCodes.Done;
    }

    private static async Task<int> WatchAsync(ExpoClusterClient client, string id, bool quiet, bool json)
    {
        var clock = Stopwatch.StartNew();
        Job job = await client.ShowAsync(id).ConfigureAwait(false);
        WatchedJob watched = await new JobWatch(client, quiet).RunAsync(job).ConfigureAwait(false);
        if (watched.Job is { Reason: { } reason, State: not JobStates.Done } && !watched.IsDetached)
        {
            ErrorLines.Write(Console.Error, reason.Code, reason.Message, reason.Advice);
        }

        if (json)
        {
            WriteJson(watched.Job);
        }
        else if (!quiet)
        {
            Console.Out.WriteLine(watched.IsDetached ? $"job {id} goes on" : JobLines.Ended(watched.Job, clock.Elapsed));
            foreach (string warning in JobLines.NotFinite(watched.Job))
            {
                Console.Out.WriteLine(warning);
            }
        }

        return watched.IsDetached ? ExitCodes.Interrupted : JobLines.ExitCodeOf(watched.Job);
    }

    private static int ReadLimit(string? text)
    {
        if (text is null)
        {
            return JobQuery.DefaultLimit;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int limit) && limit is >= 1 and <= JobQuery.MaxLimit
            ? limit
            : throw new UsageException(new RecipeProblem(
                WrongLimit, "--limit", $"'{text}' is no number from 1 to {JobQuery.MaxLimit}.", "give one, for example --limit 20."));
    }

    private static void Show(Job job) => JobLines.Show(Terminal.Tables, job);

    private static void SayState(Job job) => Console.Out.WriteLine(JobLines.Changed(job));

    private static void WriteJson(Job job) => Console.Out.WriteLine(JsonSerializer.Serialize(job, ContractJson.Default.Job));
}
