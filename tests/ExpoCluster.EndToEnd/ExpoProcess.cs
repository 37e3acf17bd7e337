using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace ExpoCluster.EndToEnd;

/// <summary>What a finished run of the program left.</summary>
public sealed record RunResult(int ExitCode, string Output, string Errors)
{
    /// <summary>Standard output as the one JSON object that it must be.</summary>
    public JsonElement Json => JsonDocument.Parse(Output).RootElement;

    public override string ToString() => $"exit {ExitCode}\n{Output}\n{Errors}";
}

/// <summary>A running process of the program, as built by this solution.</summary>
public sealed class ExpoProcess : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly Process process;
    private readonly StringBuilder output = new();
    private readonly StringBuilder errors = new();

    private ExpoProcess(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        process = Process.Start(start)!;
        process.OutputDataReceived += (_, line) => Append(output, line.Data);
        process.ErrorDataReceived += (_, line) => Append(errors, line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>artifacts/bin/ExpoCluster.Cli/release/expocluster, or debug as these tests themselves.</summary>
    public static string ProgramPath { get; } =
        Path.Join(FolderOf("ExpoCluster.Cli"), OperatingSystem.IsWindows() ? "expocluster.exe" : "expocluster");

    /// <summary>Where a project of this solution was built to.</summary>
    public static string FolderOf(string project) =>
        Path.GetFullPath(Path.Join(AppContext.BaseDirectory, "..", "..", project, new DirectoryInfo(AppContext.BaseDirectory).Name));

    // A shell that starts the tests in the background makes them, and all that they start, ignore SIGINT.
    private static bool InterruptsAreIgnored { get; } = OperatingSystem.IsLinux() && ReadsIgnoredInterrupts();

    public int Id => process.Id;

    public bool HasExited => process.HasExited;

    /// <summary>What it has printed on standard error so far.</summary>
    public string Errors
    {
        get
        {
            lock (errors)
            {
                return errors.ToString();
            }
        }
    }

    public static ExpoProcess Start(params string[] arguments) => Start(new Dictionary<string, string>(), arguments);

    public static ExpoProcess Start(IReadOnlyDictionary<string, string> environment, params string[] arguments) =>
        InterruptsAreIgnored
            ? StartOther("env", environment, ["--default-signal=INT", ProgramPath, .. arguments])
            : StartOther(ProgramPath, environment, arguments);

    /// <summary>The program under another one, for example strace.</summary>
    public static ExpoProcess StartOther(string fileName, IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo(fileName, arguments);
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        return new ExpoProcess(start);
    }

    public static RunResult Run(params string[] arguments)
    {
        using ExpoProcess process = Start(arguments);
        return process.Wait();
    }

    public static RunResult Run(IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        using ExpoProcess process = Start(environment, arguments);
        return process.Wait();
    }

    /// <summary>Starts a merge of 70 MB or more and kills it when it has begun to compute.</summary>
    /// <remarks>Its lanes begin before its engine, which starts slowly on a busy machine, so it is slow enough to last ten seconds.</remarks>
    public static void KillInMidMerge(params string[] arguments)
    {
        using ExpoProcess process = Start([.. arguments, "--max-rate", "8MB"]);
        for (var clock = Stopwatch.StartNew(); !process.Errors.Contains("running", StringComparison.Ordinal); Thread.Sleep(20))
        {
            Assert.True(clock.Elapsed < Patience && !process.HasExited, process.Errors);
        }

        Thread.Sleep(700);
        Assert.False(process.HasExited, process.Errors);
        process.Kill();
    }

    public RunResult Wait() => Wait(Patience);

    public RunResult Wait(TimeSpan patience)
    {
        if (!process.WaitForExit(patience))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"The program did not end within {patience}.\n{Errors}");
        }

        process.WaitForExit();
        return new RunResult(process.ExitCode, output.ToString(), Errors);
    }

    /// <summary>SIGKILL: no farewell.</summary>
    public void Kill()
    {
        process.Kill(entireProcessTree: true);
        process.WaitForExit();
    }

    public void Signal(string name)
    {
        using Process kill = Process.Start("kill", ["-s", name, process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    public void Dispose()
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
        }

        process.Dispose();
    }

    private static bool ReadsIgnoredInterrupts()
    {
        const string Field = "SigIgn:";
        string ignored = File.ReadLines("/proc/self/status").First(line => line.StartsWith(Field, StringComparison.Ordinal))[Field.Length..];
        return (ulong.Parse(ignored, NumberStyles.HexNumber, CultureInfo.InvariantCulture) & 0b10) != 0;
    }

    private static void Append(StringBuilder text, string? line)
    {
        if (line is not null)
        {
            lock (text)
            {
                text.AppendLine(line);
            }
        }
    }
}
