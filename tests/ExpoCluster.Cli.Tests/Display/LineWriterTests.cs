using System.Text;
using ExpoCluster.Cli.Display;

namespace ExpoCluster.Cli.Tests.Display;

public sealed class LineWriterTests
{
    private const string Hostile = "a\u001b[31m\r\nerror EXPO1: b\u202e";
    private const string Shown = "a\\u001b[31m\\r\\nerror EXPO1: b\\u202e";

    private readonly StringWriter target = new();

    [Fact]
    public void Whatever_is_written_as_a_line_is_one()
    {
        using var writer = new LineWriter(target) { NewLine = "\n" };

        writer.WriteLine(Hostile);
        writer.WriteLine(Hostile.AsSpan());
        writer.WriteLine(Hostile.ToCharArray());
        writer.WriteLine("{0}", Hostile);
        writer.WriteLine((object)Hostile);
        writer.WriteLine(new StringBuilder(Hostile));
        writer.WriteLine();

        Assert.Equal(string.Concat(Enumerable.Repeat(Shown + "\n", 6)) + "\n", target.ToString());
    }

    [Fact]
    public void Text_that_is_written_keeps_its_lines_and_nothing_else_of_the_terminal_s()
    {
        using var writer = new LineWriter(target);

        writer.Write("one\ntwo\u001b[2J\n");
        writer.Write('\u0007');
        writer.Write("\u009b".AsSpan());
        writer.Write("three\u202e".ToCharArray());

        Assert.Equal("one\ntwo\\u001b[2J\n\\u0007\\u009bthree\\u202e", target.ToString());
    }

    [Fact]
    public void A_line_is_written_in_one_piece()
    {
        var pieces = new PieceCounter();
        using var writer = new LineWriter(pieces);

        writer.WriteLine("a line");

        Assert.Equal(1, pieces.Count);
    }

    private sealed class PieceCounter : StringWriter
    {
        public int Count { get; private set; }

        public override void Write(string? value)
        {
            Count++;
            base.Write(value);
        }
    }
}
