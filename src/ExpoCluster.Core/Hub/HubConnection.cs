using System.Net;
using System.Net.Sockets;

namespace ExpoCluster.Core.Hub;

/// <summary>Opens connections to the Hub, and from there only to where the Hub may send its clients.</summary>
/// <remarks>Names are looked up here and connected to by the address that was looked at, so that they cannot mean two things.</remarks>
/// <param name="hub">The Hub's own address.</param>
internal sealed class HubConnection(Uri hub)
{
    // Until the Hub has been reached its name tells.
    private IPAddress? reached = HubNeighbourhood.AddressIn(hub.IdnHost);

    /// <exception cref="HubAddressException">Its name is an address that the Hub may not send anybody to.</exception>
    public void Check(Uri target)
    {
        if (HubNeighbourhood.AddressIn(target.IdnHost) is { } address)
        {
            Check(target.IdnHost, address);
        }
    }

    public async ValueTask<Stream> OpenAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        DnsEndPoint end = context.DnsEndPoint;
        IPAddress[] addresses = await Dns.GetHostAddressesAsync(end.Host, cancellation).ConfigureAwait(false);
        bool isHub = IsSame(end, hub);
        // What is neither the Hub nor what was asked for is a proxy, which the user has chosen.
        if (!isHub && IsSame(end, context.InitialRequestMessage.RequestUri!))
        {
            Array.ForEach(addresses, address => Check(end.Host, address));
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, end.Port, cancellation).ConfigureAwait(false);
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        if (isHub)
        {
            Volatile.Write(ref reached, (socket.RemoteEndPoint as IPEndPoint)?.Address);
        }

        return new NetworkStream(socket, ownsSocket: true);
    }

    private static bool IsSame(DnsEndPoint end, Uri uri) => end.Port == uri.Port && string.Equals(end.Host, uri.IdnHost, StringComparison.OrdinalIgnoreCase);

    private void Check(string host, IPAddress address)
    {
        if (!HubNeighbourhood.MaySend(Volatile.Read(ref reached), address))
        {
            throw new HubAddressException($"to {host}, which is an address of this machine or network that the Hub has no business with");
        }
    }
}
