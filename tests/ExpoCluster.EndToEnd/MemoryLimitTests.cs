using System.Globalization;

namespace ExpoCluster.EndToEnd;

/// <summary>A merge under a limit of address space, which the shell sets.</summary>
public sealed class MemoryLimitTests : IDisposable
{
    private readonly Workplace place = new("70MB");

    public void Dispose() => place.Dispose();

    // Below a gigabyte the runtime does not start, and says so by itself.
    [Theory]
    [InlineData(2_000_000)]
    [InlineData(3_000_000)]
    [InlineData(4_000_000)]
    public void A_limit_that_leaves_too_little_is_told_and_nothing_hangs(int kibibytes)
    {
        ShellRun refused = Merge(kibibytes);

        Assert.True(refused.ExitCode == 1, refused.ToString());
        Assert.Contains("error EXPO3030: not enough memory: ", refused.ErrorText, StringComparison.Ordinal);
        Assert.False(Directory.Exists(place.Output), refused.ToString());
        Assert.True(ExpoProcess.Run(place.Merge()).ExitCode == 0);
    }

    [Fact]
    public void Within_a_limit_that_suffices_it_is_done()
    {
        ShellRun done = Merge(16_000_000);

        Assert.True(done.ExitCode == 0, done.ToString());
    }

    private ShellRun Merge(int kibibytes) =>
        ShellRun.Script(string.Create(CultureInfo.InvariantCulture, $"ulimit -v {kibibytes}; \"$0\" \"$@\""), place.Merge("--lanes", "2"));
}
