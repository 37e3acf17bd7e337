using System.Text;
using ExpoCluster.Cli.Commands;
using ExpoCluster.Core.Storage;
using Spectre.Console;

namespace ExpoCluster.Cli.Display;

/// <summary>Standard output and standard error, from the program's first moment to its last.</summary>
internal static class Terminal
{
    private static StandardStream? output;
    private static TextWriter rawOutput = TextWriter.Null;
    private static TextWriter rawError = TextWriter.Null;
    private static IAnsiConsole? tables;

    /// <summary>For tables on standard output.</summary>
    public static IAnsiConsole Tables => tables ??= ConsoleOn(rawOutput, Console.IsOutputRedirected || output is { IsOpen: false });

    /// <summary>For pages of help and other words of the program's own, on standard output.</summary>
    public static TextWriter Words { get; private set; } = TextWriter.Null;

    /// <summary>From here on everything that is written goes through <see cref="LineWriter"/>, and nothing that is written can fail.</summary>
    public static void Begin()
    {
        (StandardStream taken, StandardStream error) = StandardStream.Take();
        output = taken;
        rawOutput = WriterOn(taken);
        rawError = WriterOn(error);
        Words = new LineWriter(rawOutput, isOurOwn: true);
        Console.SetOut(new LineWriter(rawOutput));
        Console.SetError(new LineWriter(rawError));
    }

    /// <summary>A console of its own on standard error, for a display that draws itself again and again.</summary>
    public static IAnsiConsole Live() => ConsoleOn(rawError, Console.IsErrorRedirected);

    /// <summary>What the program returns, now that it is known whether its words have arrived.</summary>
    /// <param name="code">What came of the command.</param>
    /// <param name="onlySpeaks">The command leaves nothing but what it writes to standard output.</param>
    public static int End(int code, bool onlySpeaks)
    {
        if (output?.Loss is not { } why)
        {
            return code;
        }

        // Whoever reads the first lines and leaves, as head does, need not be told.
        if (!output.IsAbandoned)
        {
            SayLost(why, output.IsFull ? StorageException.Full : StorageException.NotWritable, onlySpeaks);
        }

        return onlySpeaks && code == ExitCodes.Done ? ExitCodes.Storage : code;
    }

    private static void SayLost(string why, string error, bool onlySpeaks)
    {
        if (onlySpeaks)
        {
            ErrorLines.Write(Console.Error, error, $"standard output: the answer is lost ({why}).", "run the command again with a standard output that takes it.");
        }
        else
        {
            Console.Error.WriteLine($"note: what was written to standard output is lost ({why})");
        }
    }

    // What is no terminal gets no colours, whatever TERM says.
    private static IAnsiConsole ConsoleOn(TextWriter writer, bool isRedirected) => EscapedSegments.On(AnsiConsole.Create(new AnsiConsoleSettings
    {
        Ansi = isRedirected ? AnsiSupport.No : AnsiSupport.Detect,
        ColorSystem = isRedirected ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
        Out = new TerminalOutput(writer, isRedirected),
    }));

    private static StreamWriter WriterOn(StandardStream stream) =>
        new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), bufferSize: 4096) { AutoFlush = true };
}
