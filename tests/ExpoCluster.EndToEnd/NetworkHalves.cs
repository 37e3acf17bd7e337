using System.Diagnostics;
using System.Globalization;

namespace ExpoCluster.EndToEnd;

/// <summary>Two network namespaces on one bridge. Both see this machine, and each other until they are parted.</summary>
public sealed class NetworkHalves : IDisposable
{
    private const string Bridge = "bridge";

    private static readonly Lazy<string?> Reason = new(Probe);

    private readonly string name = string.Create(CultureInfo.InvariantCulture, $"expo{Environment.ProcessId}");
    private readonly string network = string.Create(
        CultureInfo.InvariantCulture, $"10.{200 + (Environment.ProcessId % 50)}.{Environment.ProcessId / 50 % 250}");

    public NetworkHalves()
    {
        try
        {
            // The bridge has a namespace of its own: this machine's firewall may forward nothing between its ports.
            Run("ip", "netns", "add", name);
            Run("ip", "-n", name, "link", "add", Bridge, "type", "bridge");
            Run("ip", "-n", name, "link", "set", Bridge, "up");
            Run("ip", "link", "add", name, "type", "veth", "peer", "name", "here", "netns", name);
            Run("ip", "-n", name, "link", "set", "here", "master", Bridge, "up");
            Run("ip", "address", "add", Here + "/24", "dev", name);
            Run("ip", "link", "set", name, "up");
            for (int half = 0; half < 2; half++)
            {
                Make(half);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Why there can be none; null when there can.</summary>
    public static string? Missing => Reason.Value;

    /// <summary>This machine's address for both halves.</summary>
    public string Here => network + ".1";

    /// <summary>The address of a half, 0 or 1.</summary>
    public string AddressOf(int half) => string.Create(CultureInfo.InvariantCulture, $"{network}.{half + 2}");

    /// <summary>The beginning of a command line that runs in a half.</summary>
    public string[] Inside(int half) => ["ip", "netns", "exec", NameOf(half)];

    /// <summary>From now on nothing gets from one half to the other, and nobody is told.</summary>
    public void Part() => Filter("-A");

    public void Join() => Filter("-D");

    public void Dispose()
    {
        for (int half = 0; half < 2; half++)
        {
            TryRun("ip", "netns", "delete", NameOf(half));
        }

        TryRun("ip", "link", "delete", name);
        TryRun("ip", "netns", "delete", name);
    }

    private void Make(int half)
    {
        string port = string.Create(CultureInfo.InvariantCulture, $"half{half}");
        Run("ip", "netns", "add", NameOf(half));
        Run("ip", "-n", name, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", NameOf(half));
        Run("ip", "-n", name, "link", "set", port, "master", Bridge, "up");
        RunInside(half, "ip", "address", "add", AddressOf(half) + "/24", "dev", "eth0");
        RunInside(half, "ip", "link", "set", "eth0", "up");
        RunInside(half, "ip", "link", "set", "lo", "up");
    }

    private void Filter(string change)
    {
        for (int half = 0; half < 2; half++)
        {
            RunInside(half, "iptables", change, "INPUT", "-s", AddressOf(1 - half), "-j", "DROP");
            RunInside(half, "iptables", change, "OUTPUT", "-d", AddressOf(1 - half), "-j", "DROP");
        }
    }

    private string NameOf(int half) => string.Create(CultureInfo.InvariantCulture, $"{name}-{half}");

    private void RunInside(int half, params string[] command) => Run([.. Inside(half), .. command]);

    private static void Run(params string[] command)
    {
        if (!TryRun(command))
        {
            throw new InvalidOperationException($"{string.Join(' ', command)} failed.");
        }
    }

    private static bool TryRun(params string[] command)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            // The tool is not there.
            return false;
        }
    }

    private static string? Probe()
    {
        try
        {
            using var halves = new NetworkHalves();
            halves.Part();
            return null;
        }
        catch (InvalidOperationException exception)
        {
            return exception.Message;
        }
    }
}
