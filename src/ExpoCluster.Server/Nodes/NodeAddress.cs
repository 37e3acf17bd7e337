using System.Net;
using System.Net.Sockets;
using Akka.Actor;
using ExpoCluster.Cluster.Hosting;

namespace ExpoCluster.Server.Nodes;

/// <summary>Questions about addresses that are answered before anything is bound.</summary>
internal static class NodeAddress
{
    /// <summary>A word for the address that this machine's own name leads to, as containers have one.</summary>
    public const string Automatic = "auto";

    /// <summary>How nodes speak to each other.</summary>
    public const string Scheme = "akka.ssl.tcp";

    // As it was without certificates, before nodes made their own; whoever still writes it means the same node.
    private const string FormerScheme = "akka.tcp";

    /// <summary>The address that is meant by <c>akka.ssl.tcp://expocluster@HOST:PORT</c>; null for a text that is none.</summary>
    /// <param name="text">As it was written.</param>
    /// <param name="takesFormer">Also <c>akka.tcp://…</c>.</param>
    public static string? OfSeed(string text, bool takesFormer)
    {
        try
        {
            return Address.Parse(text) is { System: Node.SystemName, Host.Length: > 0, Port: > 0 } address
                && (address.Protocol == Scheme || (takesFormer && address.Protocol == FormerScheme))
                ? address.WithProtocol(Scheme).ToString()
                : null;
        }
        catch (Exception exception) when (exception is UriFormatException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>What <see cref="Automatic"/> stands for here; null where this machine's name leads nowhere but to itself.</summary>
    public static string? OfThisMachine()
    {
        try
        {
            return Array.Find(Dns.GetHostAddresses(Dns.GetHostName(), AddressFamily.InterNetwork), address => !IPAddress.IsLoopback(address))?.ToString();
        }
        catch (SocketException)
        {
            return null;
        }
    }

    /// <summary>Only this machine reaches it. A name that cannot be looked up is not taken for one.</summary>
    public static bool IsLoopback(string host)
    {
        if (IPAddress.TryParse(host.Trim('[', ']'), out IPAddress? address))
        {
            return IPAddress.IsLoopback(address);
        }

        try
        {
            IPAddress[] addresses = Dns.GetHostAddresses(host);
            return addresses.Length > 0 && Array.TrueForAll(addresses, IPAddress.IsLoopback);
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
