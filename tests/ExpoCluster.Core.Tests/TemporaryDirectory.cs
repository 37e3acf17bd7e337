namespace ExpoCluster.Core.Tests;

/// <summary>A directory that is gone when the test is.</summary>
public sealed class TemporaryDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("expocluster-test-").FullName;

    public string PathOf(params string[] names) => System.IO.Path.Join([Path, .. names]);

    /// <summary>Writes a file with its directories and gives its path.</summary>
    public string Write(string name, string content)
    {
        string path = PathOf(name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        return path;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
