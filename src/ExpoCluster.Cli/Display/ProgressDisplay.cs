using System.Globalization;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Recipes;
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
    public static IProgressDisplay Create(bool quiet)
    {
        if (quiet)
        {
            return new Silence();
        }

        if (Console.IsErrorRedirected)
        {
            return new ProgressLines(Console.Error, TimeProvider.System);
        }

        // A terminal that cannot move its cursor would show the same picture again and again.
        IAnsiConsole console = Terminal.Live();
        return console.Profile.Capabilities.Ansi ? new LiveProgress(console) : new ProgressLines(Console.Error, TimeProvider.System);
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

/// <summary>The figures of a merge in flight.</summary>
/// <param name="Done">Bytes of committed parts and of those under way.</param>
/// <param name="Total">Bytes of all output files.</param>
/// <param name="BytesPerSecond">Over the last few seconds.</param>
internal readonly record struct MergePace(long Done, long Total, double BytesPerSecond)
{
    /// <summary>Bytes of earlier runs that have been read back and compared, and all that are; null when that is over, or was not asked for.</summary>
    public (long Done, long Total)? Checked { get; init; }

    /// <summary>Input bytes that have arrived, and all that will, where parts are computed while others still wait for theirs.</summary>
    public (long Done, long Total)? Fetched { get; init; }

    public double Share => Total == 0 ? 1 : (double)Done / Total;

    public TimeSpan? Left => BytesPerSecond > 0 ? TimeSpan.FromSeconds((Total - Done) / BytesPerSecond) : null;

    public string Describe()
    {
        string left = Left is { } time && Done < Total ? $", {Format(time)} left" : "";
        string compared = Checked is { } earlier ? $"; {ByteSize.Format(earlier.Done)} of {ByteSize.Format(earlier.Total)} of earlier work checked" : "";
        string fetched = Fetched is { } input ? $"; {ByteSize.Format(input.Done)} of {ByteSize.Format(input.Total)} fetched" : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Share:0%}  {ByteSize.Format(Done)} of {ByteSize.Format(Total)}, {ByteSize.Format((long)BytesPerSecond)}/s{left}{compared}{fetched}");
    }

    private static string Format(TimeSpan time) => time.TotalMinutes < 1
        ? string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(time.TotalSeconds)} s")
        : string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalMinutes} min {time.Seconds} s");
}

/// <summary>Measures the pace over a sliding window, so that it is steady but honest.</summary>
internal sealed class PaceMeter(TimeProvider clock)
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(6);

    private readonly Queue<(long Timestamp, long Done)> samples = new();
    private bool measuresTransfers;

    public MergePace Measure(JobProgress progress)
    {
        // Bytes that arrive and bytes that are written have paces of their own.
        bool transfers = progress.State == JobStates.Transferring;
        if (transfers != measuresTransfers)
        {
            measuresTransfers = transfers;
            samples.Clear();
        }

        long total = transfers ? progress.Transfers.Sum(file => file.ByteLength) : progress.Files.Sum(file => file.ByteLength);
        long done = transfers
            ? progress.Transfers.Sum(file => file.BytesDone)
            : progress.Files.Sum(file => file.BytesCommitted) + progress.Lanes.Sum(lane => lane.BytesDone);
        long now = clock.GetTimestamp();
        samples.Enqueue((now, done));
        while (samples.Count > 2 && clock.GetElapsedTime(samples.Peek().Timestamp, now) > Window)
        {
            samples.Dequeue();
        }

        (long Timestamp, long Done) first = samples.Peek();
        double seconds = clock.GetElapsedTime(first.Timestamp, now).TotalSeconds;
        return new MergePace(done, total, seconds > 0 ? Math.Max(0, (done - first.Done) / seconds) : 0)
        {
            Checked = progress.CheckedOf > progress.Checked ? (progress.Checked, progress.CheckedOf) : null,
            Fetched = transfers || progress.Transfers.All(file => file.Done)
                ? null
                : (progress.Transfers.Sum(file => file.BytesDone), progress.Transfers.Sum(file => file.ByteLength)),
        };
    }
}

/// <summary>For logs and pipes: a line now and then.</summary>
internal sealed class ProgressLines(TextWriter output, TimeProvider clock) : IProgressDisplay
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private readonly PaceMeter meter = new(clock);
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
    private readonly PaceMeter meter = new(TimeProvider.System);
    private readonly ManualResetEventSlim ended = new();
    private readonly Thread thread;
    private volatile IRenderable picture = new Text("");
    private volatile string? said;
    private long shownAt = TimeProvider.System.GetTimestamp();

    /// <param name="console">A terminal.</param>
    public LiveProgress(IAnsiConsole console)
    {
        this.console = console;
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
