using System.Diagnostics;

namespace ExpoCluster.Repository.Kubernetes;

/// <summary>The program kubectl, which builds manifests without asking a cluster.</summary>
internal static class Kubectl
{
    // Those of older versions of kubectl know no components.
    private const string NewEnough = "Kustomize Version: v5";

    /// <summary>Why there is none here; null when there is.</summary>
    public static string? Missing { get; } = IsThere() ? null : "kubectl with kustomize 5";

    /// <summary>What <c>kubectl apply -k</c> would send.</summary>
    public static string Kustomize(string directory)
    {
        (int exitCode, string output, string errors) = Run("kustomize", directory);
        return exitCode == 0 ? output : throw new InvalidOperationException(errors);
    }

    private static bool IsThere()
    {
        try
        {
            return Run("version", "--client").Output.Contains(NewEnough, StringComparison.Ordinal);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    private static (int ExitCode, string Output, string Errors) Run(params string[] arguments)
    {
        using Process kubectl = Process.Start(new ProcessStartInfo("kubectl", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = kubectl.StandardError.ReadToEndAsync();
        string output = kubectl.StandardOutput.ReadToEnd();
        kubectl.WaitForExit();
        return (kubectl.ExitCode, output, errors.GetAwaiter().GetResult());
    }
}
