using System.Globalization;
using ExpoCluster.Client.Jobs;
using Spectre.Console;

namespace ExpoCluster.Cli.Display;

/// <summary>The end of a plan, made here or by a server: its files, and what is worth knowing besides.</summary>
internal static class PlannedFiles
{
    /// <param name="console">Where to.</param>
    /// <param name="files">Name, bytes, tensors and parts of each output file.</param>
    /// <param name="notes">Sentences.</param>
    /// <param name="warnings">What speaks against the merge.</param>
    public static void Write(
        IAnsiConsole console, IEnumerable<(string Name, long Bytes, int Tensors, int Parts)> files, IEnumerable<string> notes, IEnumerable<MergeWarning> warnings)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumn("file").AddColumn("bytes", column => column.RightAligned())
            .AddColumn("tensors", column => column.RightAligned()).AddColumn("parts", column => column.RightAligned());
        foreach ((string name, long bytes, int tensors, int parts) in files)
        {
            table.AddRow(
                Cell.Of(name),
                Cell.Of(bytes.ToString("N0", CultureInfo.InvariantCulture)),
                Cell.Of(tensors.ToString(CultureInfo.InvariantCulture)),
                Cell.Of(parts.ToString(CultureInfo.InvariantCulture)));
        }

        console.Write(table);
        foreach (MergeWarning warning in warnings)
        {
            Console.Out.WriteLine($"warning {warning.Code}: {warning.Message}");
        }

        foreach (string note in notes)
        {
            Console.Out.WriteLine("note: " + note);
        }
    }
}
