using ExpoCluster.Tensors;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace ExpoCluster.Cli.Display;

/// <summary>Escapes every text that a console is about to draw, so that a cell which nobody thought of cannot drive the terminal.</summary>
/// <remarks>Line breaks have become cells' lines by then, so names are made one line before: <see cref="Cell"/>.</remarks>
internal sealed class EscapedSegments : IRenderHook
{
    public static IAnsiConsole On(IAnsiConsole console)
    {
        console.Pipeline.Attach(new EscapedSegments());
        return console;
    }

    public IEnumerable<IRenderable> Process(RenderOptions options, IEnumerable<IRenderable> renderables) =>
        renderables.Select(renderable => new Escaped(renderable));

    private sealed class Escaped(IRenderable inner) : IRenderable
    {
        public Measurement Measure(RenderOptions options, int maxWidth) => inner.Measure(options, maxWidth);

        public IEnumerable<Segment> Render(RenderOptions options, int maxWidth) => inner.Render(options, maxWidth)
            .Select(segment => segment.IsControlCode || segment.IsLineBreak ? segment : new Segment(Printable.Line(segment.Text), segment.Style));
    }
}
