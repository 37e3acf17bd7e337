using System.Globalization;
using ExpoCluster.Cli.Commands;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Server.Jobs;
using ExpoCluster.Tensors;
using Spectre.Console;

namespace ExpoCluster.Cli.Display;

/// <summary>Jobs of a server as text.</summary>
internal static class JobLines
{
    public static int ExitCodeOf(Job job) => job switch
    {
        { State: JobStates.Done } => ExitCodes.Done,
        { Reason: { } reason } => ExitCodes.Of(reason.Code),
        _ => ExitCodes.Failed,
    };

    /// <summary>What became of a job that was watched to its end.</summary>
    public static string Ended(Job job, TimeSpan elapsed) => job.State == JobStates.Done
        ? string.Create(
            CultureInfo.InvariantCulture,
            $"job {job.Id} is done: {ByteSize.Format(job.BytesWritten)} in {string.Join(", ", job.Output)}, watched for {elapsed.TotalSeconds:0.0} s")
        : string.Create(CultureInfo.InvariantCulture, $"job {job.Id} is {job.State}: {job.Parts.Committed} of {job.Parts.Total} parts are committed");

    /// <summary>How much of each output was computed.</summary>
    public static IEnumerable<string> Coverage(Job job) =>
        from output in job.State == JobStates.Done ? job.Statistics ?? [] : []
        where output is { Merged: not null, Copied: not null }
        select CoverageText.Of(output.Merged!, output.Copied!);

    /// <summary>A line for each output with results that are NaN or infinite.</summary>
    public static IEnumerable<string> NotFinite(Job job) =>
        from output in job.Statistics ?? []
        let found = output.NotFinite
        where found is not null
        select string.Create(
            CultureInfo.InvariantCulture,
            $"warning: {output.Output}: {output.NaN:N0} values are NaN and {output.Infinite:N0} infinite, in {Names(found)}");

    public static string Changed(Job job) => $"job {job.Id} is {job.State}";

    public static void Show(IAnsiConsole console, Job job)
    {
        var facts = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
        void Fact(string name, string? value)
        {
            if (value is not null)
            {
                facts.AddRow(new Text(name, Color.Grey), Cell.Sentence(value));
            }
        }

        Fact("job", job.Id);
        Fact("name", job.Name);
        Fact("state", job.State);
        Fact("reason", job.Reason is { } reason ? $"{reason.Code}: {reason.Message} {reason.Advice}" : null);
        foreach (string output in job.Output)
        {
            Fact("output", output);
        }

        Fact("parts", string.Create(
            CultureInfo.InvariantCulture, $"{job.Parts.Committed} of {job.Parts.Total} committed, {job.Parts.Assigned} being computed"));
        Fact("written", $"{ByteSize.Format(job.BytesWritten)} of {ByteSize.Format(job.BytesTotal)}{Pace(job)}");
        Fact("fetched", job.Transfers is { } transfers
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"{ByteSize.Format(transfers.BytesDone)} of {ByteSize.Format(transfers.Bytes)}, {transfers.FilesDone} of {transfers.Files} files")
            : null);
        Fact("submitted", Time(job.SubmittedAt) + (job.SubmittedBy is null ? "" : $" by {job.SubmittedBy}"));
        Fact("changed", Time(job.ChangedAt));
        Fact("coordinator", job.Coordinator);
        console.Write(facts);
    }

    public static void Show(IAnsiConsole console, IEnumerable<Job> jobs)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumn("job").AddColumn("name").AddColumn("state")
            .AddColumn("done", column => column.RightAligned()).AddColumn("submitted").AddColumn("output");
        foreach (Job job in jobs)
        {
            double share = job.BytesTotal == 0 ? 0 : (double)job.BytesWritten / job.BytesTotal;
            table.AddRow(
                Cell.Of(job.Id),
                Cell.Of(job.Name),
                Cell.Of(job.State),
                Cell.Of(share.ToString("0%", CultureInfo.InvariantCulture)),
                Cell.Of(Time(job.SubmittedAt)),
                Cell.Of(string.Join(", ", job.Output)));
        }

        console.Write(table);
    }

    private static string Names(NotFiniteResults found)
    {
        string named = string.Join(", ", found.First.Select(tensor => Printable.Of(tensor.Name)));
        string more = found.Tensors > found.First.Count ? string.Create(CultureInfo.InvariantCulture, $" and {found.Tensors - found.First.Count} more") : "";
        return string.Create(CultureInfo.InvariantCulture, $"{found.Tensors} tensor{(found.Tensors == 1 ? "" : "s")}: {named}{more}");
    }

    private static string Pace(Job job)
    {
        string rate = job.Rate is { } bytes ? $", {ByteSize.Format((long)bytes)}/s" : "";
        return rate + (job.SecondsLeft is { } left ? string.Create(CultureInfo.InvariantCulture, $", {Math.Ceiling(left)} s left") : "");
    }

    private static string Time(DateTimeOffset time) => time.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
