using ExpoCluster.Tensors;
using Spectre.Console;

namespace ExpoCluster.Cli.Display;

/// <summary>Text from elsewhere in a table or a display: one line, shortened, and never markup.</summary>
internal static class Cell
{
    public static Text Of(string? text) => new(Printable.Of(text));

    /// <summary>Of a sentence, which may be longer than a name.</summary>
    public static Text Sentence(string? text) => new(Printable.Line(Printable.Shortened(text ?? "", Printable.LongestLine)));
}
