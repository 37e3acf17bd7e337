using System.Diagnostics;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Server.Access;

namespace ExpoCluster.Server.Tests.Access;

/// <summary>What is no file is not waited for.</summary>
public sealed class TokenFileTests : IDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("expocluster-tokens-");

    public void Dispose() => directory.Delete(recursive: true);

    [Theory]
    [InlineData("/dev/zero")]
    [InlineData("/dev/full")]
    [InlineData("/proc/self/environ")]
    [InlineData("pipe")]
    [InlineData("endless")]
    public async Task It_is_refused_at_once(string file)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        string path = Path.Combine(directory.FullName, file);
        if (file == "pipe")
        {
            using var mkfifo = Process.Start("mkfifo", path);
            await mkfifo.WaitForExitAsync();
        }
        else if (file == "endless")
        {
            File.CreateSymbolicLink(path, "/dev/zero");
        }

        UsageException refusal = await Task.Run(() => Assert.Throws<UsageException>(() => AccessTokens.ReadFrom(path))).WaitAsync(TimeSpan.FromSeconds(20));

        Assert.Equal(AccessTokens.Unreadable, refusal.Code);
    }
}
