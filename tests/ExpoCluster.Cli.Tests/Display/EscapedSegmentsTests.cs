using ExpoCluster.Cli.Display;
using Spectre.Console;

namespace ExpoCluster.Cli.Tests.Display;

public sealed class EscapedSegmentsTests
{
    private readonly StringWriter output = new();

    [Fact]
    public void A_cell_that_nobody_thought_of_drives_no_terminal()
    {
        Draw(new Table().AddColumn("a").AddRow(new Text("x\u001b[31m\u202e")));

        Assert.Contains("x\\u001b[31m\\u202e", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_in_a_cell_is_one_line_and_no_markup()
    {
        Draw(new Table().AddColumn("a").AddRow(Cell.Of("[red]x[/]\nerror")));

        Assert.Contains("[red]x[/]\\nerror", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Colours_of_our_own_stay()
    {
        Draw(new Markup("[red]x[/]"));

        Assert.Contains("\u001b[", output.ToString(), StringComparison.Ordinal);
    }

    private void Draw(Spectre.Console.Rendering.IRenderable picture) => EscapedSegments.On(AnsiConsole.Create(new AnsiConsoleSettings
    {
        Ansi = AnsiSupport.Yes, ColorSystem = ColorSystemSupport.Standard, Out = new TerminalOutput(output, isRedirected: true),
    })).Write(picture);
}
