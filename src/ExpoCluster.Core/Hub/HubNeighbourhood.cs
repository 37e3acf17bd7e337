using System.Net;
using System.Net.Sockets;

namespace ExpoCluster.Core.Hub;

/// <summary>How near to this machine an address is, for whoever sends us there need not be able to go there himself.</summary>
/// <remarks>A Hub may send its clients as near as it is itself: one of the internet into the internet, one of a company into its network.</remarks>
internal static class HubNeighbourhood
{
    private const int OfInternet = 0;
    private const int OfNetwork = 1;
    private const int OfMachine = 2;

    // Of one wire, as what tells a cloud's machines their secrets, of several at once, or of none.
    private const int OfNobody = 3;

    private static readonly IPNetwork[] Private =
    [
        IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("172.16.0.0/12"), IPNetwork.Parse("192.168.0.0/16"), IPNetwork.Parse("100.64.0.0/10"),
        IPNetwork.Parse("fc00::/7"), IPNetwork.Parse("fec0::/10"),
    ];

    private static readonly IPNetwork[] Nobody =
    [
        IPNetwork.Parse("169.254.0.0/16"), IPNetwork.Parse("0.0.0.0/8"), IPNetwork.Parse("224.0.0.0/3"), IPNetwork.Parse("fe80::/10"),
        IPNetwork.Parse("ff00::/8"), IPNetwork.Parse("::/128"),
    ];

    private static readonly IPNetwork Translated = IPNetwork.Parse("64:ff9b::/96");

    /// <summary>The Hub at <paramref name="hub"/> may send its clients to <paramref name="target"/>.</summary>
    public static bool MaySend(IPAddress? hub, IPAddress target) => NearnessOf(target) is var near && near < OfNobody && near <= Math.Min(OfMachine, NearnessOf(hub));

    /// <summary>The address that a host's name is by itself; null where somebody has to be asked.</summary>
    public static IPAddress? AddressIn(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase) ? IPAddress.Loopback
        : IPAddress.TryParse(host.Trim('[', ']'), out IPAddress? address) ? address
        : null;

    private static int NearnessOf(IPAddress? address)
    {
        if (address is null)
        {
            return OfInternet;
        }

        IPAddress plain = Plain(address);
        return IPAddress.IsLoopback(plain) ? OfMachine
            : Nobody.Any(network => network.Contains(plain)) ? OfNobody
            : Private.Any(network => network.Contains(plain)) ? OfNetwork
            : OfInternet;
    }

    // An address of the old kind, written as one of the new.
    private static IPAddress Plain(IPAddress address) =>
        address.IsIPv4MappedToIPv6 ? address.MapToIPv4()
        : address.AddressFamily == AddressFamily.InterNetworkV6 && Translated.Contains(address) ? new IPAddress(address.GetAddressBytes().AsSpan(12))
        : address;
}
