using System.Diagnostics;

namespace ExpoCluster.Repository;

/// <summary>What CI makes of the package source's answer.</summary>
public sealed class AuditTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("expocluster-audit-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Theory]
    [InlineData("The given project `ExpoCluster.Core` has no vulnerable packages given the current sources.", 0, 0, "The package source names no vulnerable package.")]
    [InlineData("Project `ExpoCluster.Core` has the following vulnerable packages\n   > Some.Package  1.0.0  High  https://example.org/advisory", 0, 1, "Some.Package")]
    [InlineData("error: Unable to load the service index for the source.", 1, 0, "The packages could not be audited: error: Unable to load")]
    [InlineData("warn : Source does not provide vulnerability data.\nThe given project has no vulnerable packages given the current sources.", 0, 0, "does not provide vulnerability data")]
    public void It_fails_only_when_a_package_is_named(string said, int code, int expected, string told)
    {
        string fake = Path.Join(directory, "dotnet");
        File.WriteAllText(fake, $"#!/bin/sh\ncat <<'END'\n{said}\nEND\nexit {code}\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(fake, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.UserWrite);
        }

        var start = new ProcessStartInfo(Path.Join(Tree.Root, ".ci", "audit")) { RedirectStandardOutput = true };
        start.Environment["PATH"] = directory + ":" + Environment.GetEnvironmentVariable("PATH");
        using Process audit = Process.Start(start)!;
        string output = audit.StandardOutput.ReadToEnd();
        audit.WaitForExit();

        Assert.Equal(expected, audit.ExitCode);
        Assert.Contains(told, output, StringComparison.Ordinal);
    }
}
