using System.Runtime.InteropServices;
using System.Text.Json;

namespace ExpoCluster.EndToEnd;

/// <summary>A merge in a container whose limit of memory is a fraction of what it reads and writes: the kernel counts mapped pages and the page cache as well.</summary>
public sealed class ContainerMemoryTests : IDisposable
{
    private const long Limit = 256L << 20;

    // Three files of 400 MB pass through it.
    private readonly Workplace place = new("400MB");

    public void Dispose() => place.Dispose();

    [LongFact(Needs.Cgroup)]
    public void A_limit_below_the_size_of_the_model_suffices_however_inputs_are_read()
    {
        foreach (string io in new[] { "auto", "map", "read" })
        {
            using var cgroup = new MemoryCgroup(Limit);
            ForgetPages(place.Base);
            ForgetPages(place.Aligned);

            ShellRun done = In(cgroup, place.Merge("--io", io, "--restart"));

            Assert.True(done.ExitCode == 0, $"{io}: {done}");
            Assert.True(ExpoProcess.Run("verify", place.Output).ExitCode == 0, io);
            Assert.InRange(cgroup.PeakBytes, 50L << 20, Limit);
        }

        AssertItLowersTheLanes();
    }

    private void AssertItLowersTheLanes()
    {
        using var cgroup = new MemoryCgroup(Limit);
        string[] plan = ["plan", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--lanes", "64", "--json"];

        Assert.InRange(MemoryOf(In(cgroup, plan)), 1, Limit);
        Assert.True(MemoryOf(ShellRun.Of(plan)) > Limit);
    }

    private static long MemoryOf(ShellRun plan)
    {
        Assert.True(plan.ExitCode == 0, plan.ToString());
        return JsonDocument.Parse(plan.OutputText).RootElement.GetProperty("memory").GetInt64();
    }

    private static ShellRun In(MemoryCgroup cgroup, string[] arguments) => ShellRun.Script($"{cgroup.Entrance}; exec \"$0\" \"$@\"", arguments);

    // A page that is in memory already is charged to whoever read it first, which would be the sample's process.
    private static void ForgetPages(string directory)
    {
        foreach (string path in Directory.EnumerateFiles(directory))
        {
            using Microsoft.Win32.SafeHandles.SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
            RandomAccess.FlushToDisk(file);
            Assert.Equal(0, PosixFadvise(file, 0, 0, DontNeed));
        }
    }

    private const int DontNeed = 4;

    [DllImport("libc", EntryPoint = "posix_fadvise")]
    private static extern int PosixFadvise(Microsoft.Win32.SafeHandles.SafeFileHandle file, long offset, long length, int advice);
}
