using System.Text;
using Spectre.Console;

namespace ExpoCluster.Cli.Display;

/// <summary>Where tables and displays are drawn, and how wide.</summary>
/// <param name="writer">Takes what is drawn.</param>
/// <param name="isRedirected">Whether that is no terminal.</param>
internal sealed class TerminalOutput(TextWriter writer, bool isRedirected) : IAnsiConsoleOutput
{
    // Whoever filters a table by lines wants a row in one line.
    private const int RedirectedWidth = 240;

    // Of a terminal that does not say how large it is.
    private const int UsualWidth = 80;
    private const int UsualHeight = 24;

    public TextWriter Writer => writer;

    public bool IsTerminal => !isRedirected;

    public int Width => isRedirected ? RedirectedWidth : Extent(() => Console.WindowWidth, UsualWidth);

    public int Height => isRedirected ? UsualHeight : Extent(() => Console.WindowHeight, UsualHeight);

    public void SetEncoding(Encoding encoding)
    {
    }

    private static int Extent(Func<int> ask, int usual)
    {
        try
        {
            return ask() is > 0 and var found ? found : usual;
        }
        catch (IOException)
        {
            return usual;
        }
    }
}
