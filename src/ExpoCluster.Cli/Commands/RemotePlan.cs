using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using ExpoCluster.Cli.Display;
using ExpoCluster.Client;
using ExpoCluster.Client.Plans;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Server.Jobs;
using Spectre.Console;

namespace ExpoCluster.Cli.Commands;

/// <summary><c>expocluster plan --server</c>: what a merge on a cluster would do.</summary>
internal static class RemotePlan
{
    public static async Task<int> RunAsync(ExpoClusterClient client, Recipe recipe, bool overwrite, bool json)
    {
        PlanDescription plan = await client.PlanAsync(RemoteMerge.RequestOf(recipe, overwrite)).ConfigureAwait(false);
        if (json)
        {
            JsonOutput.Write(ToJson(plan));
        }
        else
        {
            Show(Terminal.Tables, plan);
        }

        return ExitCodes.Done;
    }

    // As plan without a server, but for what only a process of one's own knows: lanes and memory.
    private static JsonObject ToJson(PlanDescription plan)
    {
        JsonObject value = JsonSerializer.SerializeToNode(plan, ContractJson.Default.PlanDescription)!.AsObject();
        value.Insert(0, "status", "ok");
        value.Add("problems", new JsonArray());
        return value;
    }

    private static void Show(IAnsiConsole console, PlanDescription plan)
    {
        var facts = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
        void Fact(string name, string value) => facts.AddRow(new Text(name, Color.Grey), Cell.Sentence(value));
        string alphas = plan.Alpha is { } alpha
            ? alpha.ToString(CultureInfo.InvariantCulture)
            : string.Join(", ", plan.Alphas.Select(row => row.Alpha.ToString(CultureInfo.InvariantCulture)));
        Fact("base", plan.Base);
        Fact("aligned", plan.Aligned);
        Fact("method", $"{plan.Method}, alpha {alphas}, numerics {plan.Numerics}");
        Fact("tensors", string.Create(
            CultureInfo.InvariantCulture,
            $"{plan.Tensors.Total} ({string.Join(", ", plan.Tensors.Dtypes)}), {plan.Parameters:N0} parameters, {plan.Tensors.Copied} copied"));
        if (plan is { Merged: { } merged, Copied: { } copied })
        {
            Fact("coverage", CoverageText.Of(merged, copied));
        }

        Fact("reads", ByteSize.Format(plan.BytesRead));
        Fact("writes", string.Create(CultureInfo.InvariantCulture, $"{ByteSize.Format(plan.BytesWritten)} in {plan.Parts} parts"));
        if (plan.Output is not null)
        {
            Fact("output", plan.Output);
            Fact("disk", $"{ByteSize.Format(plan.DiskNeeded)} needed, {ByteSize.Format(plan.DiskFree ?? 0)} free on {plan.FileSystem}");
        }

        if (plan.Hub is { } hub)
        {
            Fact("download", string.Create(
                CultureInfo.InvariantCulture,
                $"{ByteSize.Format(hub.DownloadBytes)} in {hub.DownloadFiles} files, {ByteSize.Format(hub.CachedBytes)} are cached"));
            Fact("cache", $"{hub.Cache}: {ByteSize.Format(hub.DiskNeeded)} needed, {ByteSize.Format(hub.DiskFree)} free");
        }

        Fact("digest", plan.Digest);
        console.Write(facts);
        PlannedFiles.Write(console, plan.Files.Select(file => (file.Name, file.Bytes, file.Tensors, file.Parts)), plan.Notes, plan.Warnings);
    }
}
