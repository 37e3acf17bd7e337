using System.Diagnostics;

namespace ExpoCluster.EndToEnd;

/// <summary>A small file system in memory; mounting it takes root.</summary>
public sealed class SmallDisk : IDisposable
{
    public SmallDisk(string path, string size)
    {
        Path = Directory.CreateDirectory(path).FullName;
        Run("mount", "-t", "tmpfs", "-o", $"size={size}", "tmpfs", Path);
    }

    public string Path { get; }

    public void Dispose() => Run("umount", Path);

    private static void Run(string command, params string[] arguments)
    {
        using Process process = Process.Start(command, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
