using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using ExpoCluster.Cli.Display;
using ExpoCluster.Client;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Server.Embedded;
using ExpoCluster.Server.Jobs;
using ExpoCluster.Tensors.Dtypes;
using Spectre.Console;

namespace ExpoCluster.Cli.Commands;

/// <summary><c>expocluster plan</c>: what a merge would do. Reads headers only, writes nothing.</summary>
internal static class PlanCommand
{
    public static Command Create()
    {
        var recipe = new RecipeOptions();
        var lanes = new LaneOptions();
        var hub = new HubOptions();
        var server = new ServerOptions(isRequired: false);
        var overwrite = new Option<bool>("--overwrite") { Description = "Replace another model in the output directory." };
        var json = new Option<bool>("--json") { Description = "Print one JSON object, on standard output." };
        var command = new Command("plan", "Show what merge would do: files, bytes, memory, problems. Reads headers only.");
        recipe.AddTo(command);
        lanes.AddTo(command);
        hub.AddTo(command);
        server.AddTo(command);
        command.Options.Add(overwrite);
        command.Options.Add(json);
        command.SetAction((parsed, _) => JsonErrors.AroundAsync(parsed.GetValue(json), () =>
        {
            if (server.AreGiven(parsed))
            {
                return RunRemotelyAsync(parsed);
            }

            Recipe wanted = recipe.Read(parsed, needsOutput: false);
            LaneChoices effort = lanes.Read(parsed, Math.Max(1, wanted.Sweep.Length));
            return Task.FromResult(Run(wanted, effort, hub.Read(parsed), recipe.Planning(parsed), parsed.GetValue(overwrite), parsed.GetValue(json)));
        }));
        return command;

        Task<int> RunRemotelyAsync(ParseResult parsed) => ServerException.AroundAsync(async () =>
        {
            ServerOptions.Refuse(parsed, [.. lanes.All, .. hub.All]);
            using ExpoClusterClient client = server.Connect(parsed);
            return await RemotePlan.RunAsync(
                client, recipe.Read(parsed, needsOutput: false), parsed.GetValue(overwrite), recipe.Planning(parsed), parsed.GetValue(json)).ConfigureAwait(false);
        });
    }

    private static int Run(Recipe recipe, LaneChoices effort, HubChoices choices, PlanOptions planning, bool overwrite, bool json)
    {
        OutputPaths? output = recipe.Output is { } directory ? OutputPaths.Of(directory) : null;
        PlannedMerge merge = HubInputs.Plan(recipe, output, notice => Console.Error.WriteLine("note: " + notice), planning);
        if (choices.KeepsNothing)
        {
            merge.DemandStreams();
        }

        HubFacts? hub = HubFacts.Of(merge, choices.KeepsNothing);
        FileSystemFacts? storage = output is null ? null : FileSystemFacts.Of(output.Root);
        if (output is not null && CheckOutput(output, recipe, merge, hub, overwrite) == OutputCondition.Finished)
        {
            merge = merge with { Notes = merge.Notes.Add($"{output.Root} is already there, whole: merge would have nothing to do") };
        }

        var estimate = new TimeEstimate(merge.Plan.OutputByteCount, hub?.Needs.MissingBytes ?? 0, effort.MaxBytesPerSecond);
        var traffic = InputTraffic.Of(merge.Plan, effort.Reads);
        if (json)
        {
            JsonOutput.Write(ToJson(recipe, merge, effort.Lanes, output, storage, hub, estimate, traffic));
        }
        else
        {
            Show(recipe, merge, effort.Lanes, output, storage, hub, estimate, traffic);
        }

        return ExitCodes.Done;
    }

    // The refusals of merge, before merge.
    private static OutputCondition CheckOutput(OutputPaths output, Recipe recipe, PlannedMerge merge, HubFacts? hub, bool overwrite)
    {
        HubInputs.CheckPlace(output, merge);
        OutputCondition condition = OutputPreflight.Inspect(output, merge, recipe);
        if (!overwrite && condition is OutputCondition.ForeignModel or OutputCondition.OtherPlan && !Directory.Exists(output.Workspace))
        {
            throw new UsageException(OutputPreflight.Taken(output, condition));
        }

        if (condition != OutputCondition.Finished)
        {
            HubInputs.CheckPublishing(output, merge, overwrite);
        }

        if (condition != OutputCondition.Finished && !Directory.Exists(output.Workspace))
        {
            var needs = OutputNeeds.Of(merge);
            OutputPreflight.CheckStorage(output, needs, alreadyReserved: 0);
            if (hub is { KeepsNothing: false })
            {
                hub.Needs.CheckSpace(output, needs.Bytes);
            }
        }

        return condition;
    }

    private static JsonObject ToJson(
        Recipe recipe, PlannedMerge merge, int lanes, OutputPaths? output, FileSystemFacts? storage, HubFacts? hub, TimeEstimate estimate, InputTraffic traffic)
    {
        Plan plan = merge.Plan;
        PlannedTensor[] tensors = [.. plan.Layout.SelectMany(file => file.Tensors)];
        return new JsonObject
        {
            ["status"] = "ok",
            ["digest"] = plan.Digest,
            ["method"] = plan.Method,
            ["numerics"] = plan.Numerics.Word(),
            ["alpha"] = recipe.Sweep.IsEmpty ? recipe.Alpha.Single : null,
            ["sweep"] = recipe.Sweep.IsEmpty ? null : new JsonArray([.. recipe.Sweep.Select(alpha => (JsonNode)alpha)]),
            ["alphas"] = new JsonArray([.. plan.Alphas.Select(row => (JsonNode)new JsonObject { ["alpha"] = row.Alpha, ["tensors"] = row.Tensors })]),
            ["base"] = recipe.Base,
            ["aligned"] = recipe.Aligned,
            ["output"] = output?.Root,
            ["files"] = new JsonArray([.. plan.Files.Select(file => (JsonNode)new JsonObject
            {
                ["name"] = file.Name, ["bytes"] = file.ByteLength, ["tensors"] = file.Tensors.Length, ["parts"] = file.PartCount,
            })]),
            ["tensors"] = new JsonObject
            {
                ["total"] = tensors.Length,
                ["extrapolated"] = tensors.Count(tensor => tensor.IsMerged),
                ["copied"] = tensors.Count(tensor => !tensor.IsMerged),
                ["inPart"] = JsonOutput.Strings(tensors.Where(tensor => tensor.MergedElements is not null).Select(tensor => tensor.Entry.Name)),
            },
            ["parameters"] = tensors.Sum(tensor => tensor.Entry.ElementCount),
            ["parts"] = plan.PartCount,
            ["bytesRead"] = plan.InputByteCount,
            ["io"] = traffic.ToJson(storage),
            ["bytesWritten"] = plan.OutputByteCount,
            ["diskNeeded"] = OutputNeeds.Of(merge).Bytes,
            ["diskFree"] = storage?.FreeBytes,
            ["fileSystem"] = storage?.Kind,
            ["reserved"] = storage?.CanReserve,
            ["hub"] = hub?.ToJson(),
            ["lanes"] = lanes,
            ["memory"] = LaneOptions.MemoryBytes(lanes, plan.Variants),
            ["secondsEstimated"] = estimate.Seconds,
            ["merged"] = JsonSerializer.SerializeToNode(CoverageFacts.MergedOf(merge.Coverage), ContractJson.Default.MergedBytes),
            ["copied"] = JsonSerializer.SerializeToNode(CoverageFacts.CopiedOf(merge.Coverage), ContractJson.Default.CopiedBytes),
            ["notes"] = JsonOutput.Strings(merge.Notes),
            ["warnings"] = new JsonArray([.. merge.Warnings.Select(warning => (JsonNode)new JsonObject { ["code"] = warning.Code, ["message"] = warning.Message })]),
            ["problems"] = new JsonArray(),
        };
    }

    private static void Show(
        Recipe recipe, PlannedMerge merge, int lanes, OutputPaths? output, FileSystemFacts? storage, HubFacts? hub, TimeEstimate estimate, InputTraffic traffic)
    {
        Plan plan = merge.Plan;
        IAnsiConsole console = Terminal.Tables;
        var facts = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
        void Fact(string name, string value) => facts.AddRow(new Text(name, Color.Grey), Cell.Sentence(value));
        Fact("base", recipe.Base);
        Fact("aligned", recipe.Aligned);
        Fact("method", string.Create(CultureInfo.InvariantCulture, $"{plan.Method}, {Alphas(recipe, plan)}, numerics {plan.Numerics.Word()}"));
        Fact("tensors", Tensors(plan));
        Fact("coverage", merge.Coverage.ToString());
        foreach ((string name, string value) in hub?.Lines() ?? [])
        {
            Fact(name, value);
        }

        Fact("reads", $"{ByteSize.Format(plan.InputByteCount)}, {traffic.Describe()}");
        Fact("writes", string.Create(CultureInfo.InvariantCulture, $"{ByteSize.Format(plan.OutputByteCount)} in {plan.PartCount} parts{(storage is null ? "" : ", " + InputTraffic.DescribeOutput(storage))}"));
        Fact("memory", string.Create(CultureInfo.InvariantCulture, $"{ByteSize.Format(LaneOptions.MemoryBytes(lanes, plan.Variants))} with {lanes} lanes, whatever the model's size"));
        if (output is not null && storage is not null)
        {
            string reserved = storage.CanReserve ? "reserved before the first byte is computed" : "cannot be reserved on this file system: checked only";
            Fact("output", output.Root);
            Fact("disk", $"{ByteSize.Format(OutputNeeds.Of(merge).Bytes)} needed, {ByteSize.Format(storage.FreeBytes)} free on {storage.Kind}; {reserved}");
        }

        Fact("time", estimate.Describe());
        Fact("digest", plan.Digest);
        console.Write(facts);
        PlannedFiles.Write(console, plan.Files.Select(file => (file.Name, file.ByteLength, file.Tensors.Length, file.PartCount)), merge.Notes, CoverageFacts.Of(merge.Warnings));
    }

    private static string Alphas(Recipe recipe, Plan plan) => recipe.Sweep.IsEmpty
        ? "alpha " + AlphaText.Of(recipe.Alpha, plan.Alphas)
        : $"one output for each alpha of {string.Join(", ", recipe.Sweep.Select(alpha => alpha.ToString("R", CultureInfo.InvariantCulture)))}";

    private static string Tensors(Plan plan)
    {
        PlannedTensor[] tensors = [.. plan.Layout.SelectMany(file => file.Tensors)];
        int copied = tensors.Count(tensor => !tensor.IsMerged);
        int inPart = tensors.Count(tensor => tensor.MergedElements is not null);
        string dtypes = string.Join(", ", tensors.Select(tensor => tensor.Entry.Dtype).Distinct().Order().Select(dtype => dtype.Name()));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{tensors.Length} ({dtypes}), {tensors.Sum(tensor => tensor.Entry.ElementCount):N0} parameters{(copied > 0 ? $", {copied} copied" : "")}{(inPart > 0 ? $", {inPart} copied in part" : "")}");
    }
}
