using System.Diagnostics;
using System.Text;

namespace ExpoCluster.EndToEnd;

/// <summary>The program as a shell starts it, with its streams as the shell sets them, and exactly the bytes that it wrote.</summary>
/// <param name="ExitCode">Of the program.</param>
/// <param name="Output">What came to standard output.</param>
/// <param name="Errors">What came to standard error.</param>
internal sealed record ShellRun(int ExitCode, byte[] Output, byte[] Errors)
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public string OutputText => Strict.GetString(Output);

    public string ErrorText => Strict.GetString(Errors);

    public static ShellRun Of(params string[] arguments) => With("", arguments);

    /// <param name="streams">What stands behind the command: <c>&gt;&amp;-</c>, <c>2&gt;/dev/full</c>.</param>
    /// <param name="arguments">Of the program.</param>
    public static ShellRun With(string streams, params string[] arguments) => Script($"\"$0\" \"$@\" {streams}", arguments);

    /// <param name="script">Finds the program as <c>$0</c> and its arguments as <c>$@</c>.</param>
    /// <param name="arguments">Of the program.</param>
    public static ShellRun Script(string script, params string[] arguments)
    {
        var start = new ProcessStartInfo("bash", ["-c", script, ExpoProcess.ProgramPath, .. arguments])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<byte[]> output = ReadAsync(process.StandardOutput);
        Task<byte[]> errors = ReadAsync(process.StandardError);
        if (!process.WaitForExit(TimeSpan.FromMinutes(3)))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"did not end: {script} {string.Join(' ', arguments)}");
        }

        return new ShellRun(process.ExitCode, output.GetAwaiter().GetResult(), errors.GetAwaiter().GetResult());
    }

    public override string ToString() => $"exit {ExitCode}\n{Encoding.UTF8.GetString(Output)}\n{Encoding.UTF8.GetString(Errors)}";

    private static async Task<byte[]> ReadAsync(StreamReader reader)
    {
        using var bytes = new MemoryStream();
        await reader.BaseStream.CopyToAsync(bytes).ConfigureAwait(false);
        return bytes.ToArray();
    }
}
