using System.Text;
using ExpoCluster.Tensors;

namespace ExpoCluster.Cli.Display;

/// <summary>The edge of the program: what is written here reaches a terminal or a log.</summary>
/// <remarks>
/// <c>WriteLine</c> writes one line, whatever it is given: names come from files and may hold line breaks and commands of the terminal,
/// so all that is escaped, and no name can forge a line. <c>Write</c> is for text of our own that has lines. As JSON is escaped by
/// JSON's own rules, a line of it stays the same JSON.
/// </remarks>
/// <param name="target">Takes what can do no harm.</param>
/// <param name="isOurOwn">Also what is given to <c>WriteLine</c> is text of our own that has lines, as a page of help.</param>
internal sealed class LineWriter(TextWriter target, bool isOurOwn = false) : TextWriter
{
    public override Encoding Encoding => target.Encoding;

    public override void Write(char value) => target.Write(Printable.Lines(value.ToString()));

    public override void Write(char[] buffer, int index, int count) => Write(new string(buffer, index, count));

    public override void Write(ReadOnlySpan<char> buffer) => Write(buffer.ToString());

    public override void Write(string? value) => target.Write(Printable.Lines(value));

    // In one piece, so that lines of several threads do not run into each other.
    public override void WriteLine(string? value) => target.Write((isOurOwn ? Printable.Lines(value) : Printable.Line(value)) + NewLine);

    public override void WriteLine(ReadOnlySpan<char> buffer) => WriteLine(buffer.ToString());

    public override void WriteLine(char[]? buffer) => WriteLine(new string(buffer));

    public override void WriteLine(char[] buffer, int index, int count) => WriteLine(new string(buffer, index, count));

    public override void WriteLine(StringBuilder? value) => WriteLine(value?.ToString());

    public override void Flush() => target.Flush();
}
