using System.Globalization;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Tensors;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace ExpoCluster.Cli.Display;

/// <summary>Shows how a merge gets on, on standard error.</summary>
internal interface IProgressDisplay : IDisposable
{
    void Show(JobProgress progress);

    /// <summary>A sentence that the user must see although the display goes on.</summary>
    void Say(string sentence);
}

/// <summary>A live display on a terminal, lines elsewhere, nothing when asked to be quiet.</summary>
internal static class ProgressDisplay
{
    /// <param name="quiet">Nothing is shown.</param>
    /// <param name="isBeginning">What is shown begins now, and nothing of it was done before.</param>
    public static IProgressDisplay Create(bool quiet, bool isBeginning = false)
    {
        if (quiet)
        {
            return new Silence();
        }

        if (Console.IsErrorRedirected)
        {
            return new ProgressLines(Console.Error, TimeProvider.System, isBeginning);
        }

        // A terminal that cannot move its cursor would show the same picture again and again.
        IAnsiConsole console = Terminal.Live();
        return console.Profile.Capabilities.Ansi ? new LiveProgress(console, isBeginning) : new ProgressLines(Console.Error, TimeProvider.System, isBeginning);
    }

    private sealed class Silence : IProgressDisplay
    {
        public void Show(JobProgress progress)
        {
        }

        public void Say(string sentence) => Console.Error.WriteLine(sentence);

        public void Dispose()
        {
        }
    }
}

/// <summary>For logs and pipes: a line now and then.</summary>
internal sealed class ProgressLines(TextWriter output, TimeProvider clock, bool isBeginning = false) : IProgressDisplay
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private readonly PaceMeter meter = new(clock, isBeginning);
    private long? lastLine;
    private string lastState = "";

    public void Show(JobProgress progress)
    {
        MergePace pace = meter.Measure(progress);
        bool isDue = lastLine is not { } last || clock.GetElapsedTime(last) >= Interval;
        string state = progress.Publishing > 0 ? ProgressWords.OfPublishing(progress)! : progress.State;
        if (isDue || state != lastState)
        {
            lastLine = clock.GetTimestamp();
            lastState = state;
            output.WriteLine(ProgressWords.OfPublishing(progress) ?? $"{progress.State} {pace.Describe()}");
        }
    }

    public void Say(string sentence) => output.WriteLine(sentence);

    public void Dispose()
    {
    }
}

/// <summary>A bar, the figures, and what each lane is working on.</summary>
internal sealed class LiveProgress : IProgressDisplay
{
    private const int MaxLanesShown = 8;

    private static readonly TimeSpan LongSilence = TimeSpan.FromSeconds(6);

    private readonly IAnsiConsole console;
    private readonly PaceMeter meter;
    private readonly ManualResetEventSlim ended = new();
    private readonly Thread thread;
    private volatile IRenderable picture = new Text("");
    private volatile string? said;
    private long shownAt = TimeProvider.System.GetTimestamp();

    /// <param name="console">A terminal.</param>
    /// <param name="isBeginning">What is shown begins now, and nothing of it was done before.</param>
    public LiveProgress(IAnsiConsole console, bool isBeginning)
    {
        this.console = console;
        meter = new PaceMeter(TimeProvider.System, isBeginning);
        thread = new Thread(Draw) { Name = "expocluster display", IsBackground = true };
        thread.Start();
    }

    public void Show(JobProgress progress)
    {
        Interlocked.Exchange(ref shownAt, TimeProvider.System.GetTimestamp());
        picture = Render(progress, meter.Measure(progress), said);
    }

    public void Say(string sentence)
    {
        said = sentence;
        picture = new Rows(picture, Cell.Sentence(sentence));
    }

    public void Dispose()
    {
        ended.Set();
        thread.Join();
        ended.Dispose();
    }

    private void Draw() => console.Live(picture).Start(context =>
    {
        while (!ended.Wait(TimeSpan.FromMilliseconds(100)))
        {
            TimeSpan silence = TimeProvider.System.GetElapsedTime(Interlocked.Read(ref shownAt));
            context.UpdateTarget(silence < LongSilence ? picture : new Rows(picture, Silence(silence)));
        }

        context.UpdateTarget(picture);
    });

    private static Markup Silence(TimeSpan silence) => new(string.Create(
        CultureInfo.InvariantCulture,
        $"[yellow]no news for {silence.TotalSeconds:0} s[/] [grey]of the job's coordinator: it is being started again, or waits for its database; nothing is lost[/]"));

    internal static IRenderable Render(JobProgress progress, MergePace pace, string? said)
    {
        const int width = 40;
        int filled = (int)(Math.Clamp(pace.Share, 0, 1) * width);
        var rows = new List<IRenderable>
        {
            new Markup($"[green]{new string('━', filled)}[/][grey]{new string('━', width - filled)}[/]  {Markup.Escape(pace.Describe())}"),
        };
        int lane = 0;
        // A server may name a file that it has not told of.
        foreach (LaneProgress work in progress.Lanes.Where(work => work.BytesDone > 0 && work.File >= 0 && work.File < progress.Files.Count).Take(MaxLanesShown))
        {
            FileProgress file = progress.Files[work.File];
            rows.Add(new Markup(string.Create(
                CultureInfo.InvariantCulture,
                $"[grey]lane {++lane}[/]  {Markup.Escape(Printable.Of(file.Name))}  part {work.Part + 1} of {file.Parts}  {(double)work.BytesDone / work.ByteCount:0%}")));
        }

        if (progress.State != "running" || progress.Publishing > 0)
        {
            rows.Add(new Markup($"[grey]{Markup.Escape(ProgressWords.OfPublishing(progress) ?? Printable.Of(progress.State))}[/]"));
        }

        if (said is not null)
        {
            rows.Add(Cell.Sentence(said));
        }

        return new Rows(rows);
    }
}
