namespace ExpoCluster.Repository;

/// <summary>Runs where docker compose, version 2, is installed as a program of its own; it needs no engine. Skipped with the reason elsewhere.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ComposeFactAttribute : FactAttribute
{
    public ComposeFactAttribute() => Skip = Program is null ? "needs docker-compose, version 2" : null;

    // Version 1 was a Python script, and does not know what the file says.
    public static string? Program { get; } = Places().FirstOrDefault(IsCompiled);

    private static IEnumerable<string> Places() =>
    [
        .. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(directory => Path.Join(directory, "docker-compose")),
        "/usr/libexec/docker/cli-plugins/docker-compose",
        "/usr/lib/docker/cli-plugins/docker-compose",
    ];

    private static bool IsCompiled(string path)
    {
        if (!File.Exists(path))
        {
            return false;
        }

        using FileStream program = File.OpenRead(path);
        var magic = new byte[4];
        return program.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) == magic.Length && magic.AsSpan().SequenceEqual("\u007fELF"u8);
    }
}
