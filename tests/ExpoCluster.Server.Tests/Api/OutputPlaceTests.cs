using System.Diagnostics;
using System.Net.Sockets;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Client.Problems;

namespace ExpoCluster.Server.Tests.Api;

/// <summary>Outputs that cannot be: what has their name, or a name on the way, is no directory, or is the program's own.</summary>
public sealed class OutputPlaceTests : ApiScene
{
    [Theory]
    [InlineData("pipe", "out", "EXPO4020")]
    [InlineData("pipe", "out/below", "EXPO4020")]
    [InlineData("socket", "out", "EXPO4020")]
    [InlineData("device", "out", "EXPO4020")]
    [InlineData("file", "out", "EXPO4020")]
    [InlineData("file", "out/below/it", "EXPO4020")]
    [InlineData("link to a pipe", "out", "EXPO4020")]
    [InlineData("link to a file", "out", "EXPO4020")]
    [InlineData("link to nothing", "out", "EXPO4020")]
    [InlineData("link to nothing", "out/below", "EXPO4020")]
    [InlineData("nothing", ".expocluster", "EXPO2095")]
    [InlineData("nothing", ".expocluster-storage", "EXPO2095")]
    [InlineData("nothing", ".expocluster-storage/below", "EXPO2095")]
    [InlineData("nothing", "somewhere/expocluster.json", "EXPO2095")]
    public async Task It_is_refused_as_a_plan_and_as_a_job_and_nothing_is_made(string what, string output, string code)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        using Socket? listening = Place(what, Path.Join(Pair.Root, "out"));
        string[] before = Entries();

        foreach (Func<Task> ask in new Func<Task>[] { () => Client.PlanAsync(Recipe(output)), () => Client.SubmitAsync(Recipe(output)) })
        {
            ExpoClusterException refusal = await Assert.ThrowsAsync<ExpoClusterException>(ask);
            Assert.Equal(code, refusal.Code);
            Assert.InRange(refusal.Problem.Status, 409, 422);
        }

        Assert.Equal(before, Entries());
        Assert.Empty((await Client.ListAsync(new JobQuery())).Jobs);
        Assert.Equal("ok", (await Client.PlanAsync(Recipe("elsewhere"))).Files.Count == 1 ? "ok" : "no planner is left");
    }

    [Fact]
    public async Task A_link_to_a_directory_below_the_root_is_followed()
    {
        Directory.CreateDirectory(Path.Join(Pair.Root, "there"));
        Directory.CreateSymbolicLink(Path.Join(Pair.Root, "out"), Path.Join(Pair.Root, "there"));

        Job job = await FinishedAsync(Recipe());

        Assert.Equal(Path.Join(Pair.Root, "there"), Assert.Single(job.Output));
    }

    private string[] Entries() =>
        [.. Directory.EnumerateFileSystemEntries(Pair.Root).Where(entry => !Path.GetFileName(entry).StartsWith("expocluster.db", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    private Socket? Place(string what, string path)
    {
        switch (what)
        {
            case "pipe":
                Run("mkfifo", path);
                break;
            case "socket":
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                socket.Bind(new UnixDomainSocketEndPoint(path));
                return socket;
            case "device":
                // Where this user may make none, a link to one.
                File.CreateSymbolicLink(path, Path.Join(Pair.Root, "device"));
                if (!TryRun("mknod", Path.Join(Pair.Root, "device"), "c", "1", "3"))
                {
                    Run("mkfifo", Path.Join(Pair.Root, "device"));
                }

                break;
            case "file":
                File.WriteAllText(path, "a file");
                break;
            case "link to a pipe":
                Run("mkfifo", Path.Join(Pair.Root, "pipe"));
                File.CreateSymbolicLink(path, Path.Join(Pair.Root, "pipe"));
                break;
            case "link to a file":
                File.WriteAllText(Path.Join(Pair.Root, "file"), "a file");
                File.CreateSymbolicLink(path, Path.Join(Pair.Root, "file"));
                break;
            case "link to nothing":
                File.CreateSymbolicLink(path, Path.Join(Pair.Root, "nothing"));
                break;
        }

        return null;
    }

    private static void Run(string program, params string[] arguments) => Assert.True(TryRun(program, arguments), program);

    private static bool TryRun(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
