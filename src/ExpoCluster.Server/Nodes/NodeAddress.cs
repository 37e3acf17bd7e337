using System.Net;
using System.Net.Sockets;
using Akka.Actor;
using ExpoCluster.Cluster.Hosting;

namespace ExpoCluster.Server.Nodes;

/// <summary>Questions about addresses that are answered before anything is bound.</summary>
internal static class NodeAddress
{
    /// <summary>A complete address of a node: <c>akka.tcp://expocluster@HOST:PORT</c>.</summary>
    public static bool IsSeed(string text)
    {
        try
        {
            return Address.Parse(text) is { Protocol: "akka.tcp", System: Node.SystemName, Host.Length: > 0, Port: > 0 };
        }
        catch (Exception exception) when (exception is UriFormatException or ArgumentException)
        {
            return false;
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
