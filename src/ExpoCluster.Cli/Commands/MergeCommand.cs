using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using ExpoCluster.Cli.Display;
using ExpoCluster.Client;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Server.Embedded;
using ExpoCluster.Server.Jobs;
using ExpoCluster.Server.Reports;
using ExpoCluster.Tensors;

namespace ExpoCluster.Cli.Commands;

/// <summary><c>expocluster merge</c>: an embedded merge, from the command line to the published output.</summary>
internal static class MergeCommand
{
    public static Command Create()
    {
        var recipe = new RecipeOptions();
        var lanes = new LaneOptions();
        var overwrite = new Option<bool>("--overwrite") { Description = "Replace another model in the output directory." };
        var restart = new Option<bool>("--restart") { Description = "Throw earlier work in the output directory away." };
        var trustStaging = new Option<bool>("--trust-staging") { Description = "Resume without reading back what an earlier run wrote." };
        var hub = new HubOptions();
        var server = new ServerOptions(isRequired: false);
        var dashboard = new Option<bool>("--dashboard") { Description = "Show this merge in the browser, at an address on this machine that is printed." };
        Option<string?> report = RecipeOptions.Text("--report", "FILE.html", "Write a report of what the merge changed, layer by layer, into this file.");
        var quiet = new Option<bool>("--quiet") { Description = "Show errors only." };
        var json = new Option<bool>("--json") { Description = "Print one JSON object at the end, on standard output." };
        var command = new Command("merge", "Merge two checkpoints. Running an interrupted command again resumes it.");
        recipe.AddTo(command);
        lanes.AddTo(command);
        hub.AddTo(command);
        server.AddTo(command);
        foreach (Option option in new Option[] { overwrite, restart, trustStaging, dashboard, report, quiet, json })
        {
            command.Options.Add(option);
        }

        command.SetAction((parsed, _) => server.AreGiven(parsed) ? RunRemotelyAsync(parsed) : RunAsync(
            () => recipe.Read(parsed, needsOutput: true),
            outputs =>
            {
                LaneChoices chosen = lanes.Read(parsed, outputs);
                return new EmbeddedMergeOptions
                {
                    Lanes = chosen.Lanes,
                    MaxBytesPerSecond = chosen.MaxBytesPerSecond,
                    Reads = chosen.Reads,
                    Overwrite = parsed.GetValue(overwrite),
                    Restart = parsed.GetValue(restart),
                    TrustStaging = parsed.GetValue(trustStaging),
                    Planning = recipe.Planning(parsed),
                    Version = ProgramVersion.Current,
                };
            },
            hub.Read(parsed),
            new MergeView(parsed.GetValue(dashboard), parsed.GetValue(report)),
            parsed.GetValue(quiet),
            parsed.GetValue(json)));
        return command;

        Task<int> RunRemotelyAsync(ParseResult parsed) => RunRefusablyAsync(parsed.GetValue(json), async () =>
        {
            ServerOptions.Refuse(parsed, [.. lanes.All, .. hub.All, restart, trustStaging, dashboard, report]);
            using ExpoClusterClient client = server.Connect(parsed);
            return await new RemoteMerge(client, parsed.GetValue(quiet), parsed.GetValue(json))
                .RunAsync(recipe.Read(parsed, needsOutput: true), parsed.GetValue(overwrite), recipe.Planning(parsed)).ConfigureAwait(false);
        });
    }

    private static async Task<int> RunRefusablyAsync(bool json, Func<Task<int>> conversation)
    {
        var clock = Stopwatch.StartNew();
        try
        {
            return await ServerException.AroundAsync(conversation).ConfigureAwait(false);
        }
        catch (ExpoException exception)
        {
            ErrorLines.Write(Console.Error, exception);
            if (json)
            {
                WriteJson(Refusal(exception, output: null, [], clock.Elapsed));
            }

            return ExitCodes.Of(exception);
        }
    }

    private static async Task<int> RunAsync(Func<Recipe> readRecipe, Func<int, EmbeddedMergeOptions> readOptions, HubChoices hub, MergeView view, bool quiet, bool json)
    {
        string? output = null;
        IReadOnlyList<string> notes = [];
        var clock = Stopwatch.StartNew();
        try
        {
            Recipe recipe = readRecipe();
            EmbeddedMergeOptions options = readOptions(Math.Max(1, recipe.Sweep.Length));
            OutputPaths paths = OutputPaths.Of(recipe.Output!);
            output = paths.Root;
            if (view.ReportFile is { } asked)
            {
                ReportPage.CheckTarget(asked);
            }

            using var engine = EmbeddedEngine.Begin(paths);
            var inputs = new HubInputs(recipe, paths, options with { Engine = engine });
            PlannedMerge merge = inputs.Plan(notice => ShowNotes([notice], quiet));
            notes = merge.Notes;
            ShowNotes(notes, quiet);
            ShowWarnings(merge, quiet);
            clock.Restart();
            MergeReport report = await RunInterruptiblyAsync(inputs, merge, hub, view, quiet, clock).ConfigureAwait(false);
            if (view.ReportFile is { } reportFile && report.Outcome.Status == MergeOutcome.Done)
            {
                await ReportPage.WriteAsync([paths.Root], reportFile).ConfigureAwait(false);
            }

            return Report(report with { Warnings = CoverageFacts.Of(merge.Warnings) }, notes, quiet, json);
        }
        catch (ExpoException exception)
        {
            ErrorLines.Write(Console.Error, exception);
            if (json)
            {
                WriteJson(Refusal(exception, output, notes, clock.Elapsed));
            }

            return ExitCodes.Of(exception);
        }
    }

    private static async Task<MergeReport> RunInterruptiblyAsync(
        HubInputs inputs, PlannedMerge merge, HubChoices hub, MergeView view, bool quiet, Stopwatch clock)
    {
        using var interrupt = new CancellationTokenSource();
        IProgressDisplay? display = null;
        void OnSignal(PosixSignalContext signal)
        {
            // The second signal is not caught: it ends the process, and the journal keeps what is committed.
            signal.Cancel = !interrupt.IsCancellationRequested;
            if (signal.Cancel)
            {
                display?.Say("stopping: the parts under way are finished first (once more to stop at once)");
                interrupt.Cancel();
            }
        }

        using PosixSignalRegistration onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        using PosixSignalRegistration onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        if (hub.KeepsNothing)
        {
            merge.DemandStreams();
        }
        else if (inputs.NeedsDownload(merge))
        {
            using (display = ProgressDisplay.Create(quiet))
            {
                if (await inputs.DownloadAsync(merge, display.Show, interrupt.Token).ConfigureAwait(false) is not { } downloaded)
                {
                    return new MergeReport(MergeOutcome.InterruptedEarly(merge.Plan.PartCount), inputs.Paths, merge.Plan, clock.Elapsed);
                }

                merge = downloaded;
            }

            clock.Restart();
        }

        using (display = ProgressDisplay.Create(quiet, isBeginning: true))
        {
            IProgressDisplay shown = display;
            Action<Uri>? dashboard = view.HasDashboard ? address => shown.Say($"dashboard: {address}") : null;
            MergeOutcome outcome = await inputs.MergeAsync(merge, display.Show, display.Say, dashboard, interrupt.Token).ConfigureAwait(false);
            return new MergeReport(outcome, inputs.Paths, merge.Plan, clock.Elapsed);
        }
    }

    private static int Report(MergeReport report, IReadOnlyList<string> notes, bool quiet, bool json)
    {
        MergeOutcome outcome = report.Outcome;
        if (outcome.Reason is { } reason && outcome.Status != MergeOutcome.Done)
        {
            ErrorLines.Write(Console.Error, reason.Code, reason.Message, reason.Advice);
        }

        if (json)
        {
            WriteJson(report.ToResult() with { Notes = notes });
        }
        else if (!quiet)
        {
            report.Write(Console.Out);
        }

        return outcome.Status switch
        {
            MergeOutcome.Done => ExitCodes.Done,
            MergeOutcome.Interrupted => ExitCodes.Interrupted,
            _ when outcome.Reason is { } cause => ExitCodes.Of(cause.Code),
            _ => ExitCodes.Failed,
        };
    }

    private static MergeResult Refusal(ExpoException exception, string? output, IReadOnlyList<string> notes, TimeSpan elapsed) =>
        new(Job: null, JobPhase.Failed.Word(), output is null ? [] : [output], new PartCounts(0, 0, 0), 0, 0, elapsed.TotalSeconds)
        {
            Code = exception.Code, Message = exception.Message, Problems = ProblemDetails.Of(exception), Notes = notes,
        };

    private static void ShowNotes(IReadOnlyList<string> notes, bool quiet)
    {
        foreach (string note in quiet ? [] : notes)
        {
            Console.Error.WriteLine("note: " + note);
        }
    }

    private static void ShowWarnings(PlannedMerge merge, bool quiet)
    {
        foreach (PlanWarning warning in quiet ? [] : merge.Warnings)
        {
            Console.Error.WriteLine($"warning {warning.Code}: {warning.Message}");
        }

        if (!quiet && !merge.Coverage.IsWhole)
        {
            Console.Error.WriteLine($"coverage: {merge.Coverage}");
        }
    }

    private static void WriteJson(MergeResult result) =>
        Console.Out.WriteLine(JsonSerializer.Serialize(result, ContractJson.Default.MergeResult));

    /// <summary>How a merge is shown besides on the terminal.</summary>
    /// <param name="HasDashboard">In a browser, while it runs.</param>
    /// <param name="ReportFile">In a file, when it is done; null for none.</param>
    private sealed record MergeView(bool HasDashboard, string? ReportFile);
}
