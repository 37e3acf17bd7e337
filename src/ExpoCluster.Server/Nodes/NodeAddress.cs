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
    public static string SchemeOf(bool isTls) => isTls ? "akka.ssl.tcp" : "akka.tcp";

    /// <summary>A complete address of a node: <c>akka.tcp://expocluster@HOST:PORT</c>, with TLS <c>akka.ssl.tcp://…</c>.</summary>
    public static bool IsSeed(string text, bool isTls)
    {
        try
        {
            return Address.Parse(text) is { System: Node.SystemName, Host.Length: > 0, Port: > 0 } address && address.Protocol == SchemeOf(isTls);
        }
        catch (Exception exception) when (exception is UriFormatException or ArgumentException)
        {
            return false;
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
