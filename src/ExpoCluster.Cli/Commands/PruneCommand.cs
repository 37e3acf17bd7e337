using System.CommandLine;
using System.Text.Json;
using ExpoCluster.Client;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Cli.Commands;

/// <summary><c>expocluster jobs prune</c>: has a cluster forget jobs that ended long ago.</summary>
internal static class PruneCommand
{
    private const string DefaultAge = "30d";

    public static Command Create(ServerOptions server, Option<bool> json)
    {
        Option<string?> age = RecipeOptions.Text("--older-than", "AGE", $"Only jobs that ended so long ago, such as 30d, 12h or 0s; {DefaultAge} by default.");
        Option<string?> states = RecipeOptions.Text("--state", string.Join(',', JobStates.Ended), "Only jobs that ended so; all of these by default.");
        var dryRun = new Option<bool>("--dry-run") { Description = "Only say which." };
        var command = new Command("prune", "Forget jobs that have ended: their journals and their rows in the list. What they made stays; failed ones can then no more be resumed.");
        command.Options.Add(age);
        command.Options.Add(states);
        command.Options.Add(dryRun);
        command.SetAction((parsed, _) => JobsCommand.RunAsync(server, parsed, parsed.GetValue(json), client => RunAsync(
            client,
            new PruneQuery { OlderThan = ReadAge(parsed.GetValue(age)), States = ReadStates(parsed.GetValue(states)), DryRun = parsed.GetValue(dryRun) },
            parsed.GetValue(json))));
        return command;
    }

    private static async Task<int> RunAsync(ExpoClusterClient client, PruneQuery query, bool json)
    {
        PrunedJobs answer = await client.PruneAsync(query).ConfigureAwait(false);
        PrunedJobs all = answer;
        while (answer.More && answer.Jobs.Count > 0 && !query.DryRun)
        {
            answer = await client.PruneAsync(query).ConfigureAwait(false);
            all = new PrunedJobs([.. all.Jobs, .. answer.Jobs], [.. all.Kept.Union(answer.Kept)], answer.More);
        }

        if (json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(all, ContractJson.Default.PrunedJobs));
            return ExitCodes.Done;
        }

        foreach (string job in all.Jobs)
        {
            Console.Out.WriteLine(query.DryRun ? $"would be forgotten: {job}" : $"forgotten: {job}");
        }

        foreach (string job in all.Kept)
        {
            Console.Out.WriteLine($"kept: {job}, whose staging is still there, or which failed while it was published");
        }

        Console.Out.WriteLine($"{all.Jobs.Count} jobs{(query.DryRun ? " would be" : "")} forgotten{(all.More ? ", and there are more" : "")}");
        return ExitCodes.Done;
    }

    private static TimeSpan ReadAge(string? text) => TimeLength.TryParse(text ?? DefaultAge, out TimeSpan age)
        ? age
        : throw new UsageException(new RecipeProblem(
            JobsCommand.WrongLimit, "--older-than", $"'{text}' is no length of time.", "give one such as 30d, 12h or 0s."));

    private static string[] ReadStates(string? text)
    {
        string[] states = (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return states.FirstOrDefault(state => !JobStates.HasEnded(state)) is { } other
            ? throw new UsageException(new RecipeProblem(
                JobsCommand.WrongLimit, "--state", $"'{other}' is no state that a job ends in.", $"choose from {string.Join(", ", JobStates.Ended)}."))
            : states;
    }
}
