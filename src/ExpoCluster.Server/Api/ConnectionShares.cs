using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace ExpoCluster.Server.Api;

/// <summary>So many connections for one address and for all of them; beyond that a node says how it is, and nothing else.</summary>
/// <remarks>
/// Whoever watches over a node must get an answer while somebody holds all that he may, and may come from the same address. So a
/// connection too many is taken, but briefly and for questions about health alone; of those the newest are kept, for an honest one
/// asks at once.
/// </remarks>
/// <param name="total">Connections that may ask for anything.</param>
/// <param name="share">Of those, of one address.</param>
/// <param name="reserve">Connections beyond, at the same time.</param>
/// <param name="patience">How long one of these may last.</param>
/// <param name="clock">For that.</param>
internal sealed class ConnectionShares(int total, int share, int reserve, TimeSpan patience, TimeProvider clock)
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, int> byAddress = new(StringComparer.Ordinal);
    private readonly LinkedList<ConnectionContext> reserved = [];
    private int taken;

    /// <summary>Serves the connection, or what is left of its wishes.</summary>
    public Task ServeAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        string whose = WhoseIs(connection.RemoteEndPoint);
        return TryTake(whose) ? ServeWhollyAsync(connection, next, whose) : ServeHealthAsync(connection, next);
    }

    /// <summary>Whoever has one address of an IPv6 network has as many of it as he likes.</summary>
    internal static string WhoseIs(EndPoint? remote) => remote switch
    {
        IPEndPoint { Address: { IsIPv4MappedToIPv6: true } mapped } => mapped.MapToIPv4().ToString(),
        IPEndPoint { Address: { AddressFamily: AddressFamily.InterNetworkV6 } address } => Convert.ToHexString(address.GetAddressBytes().AsSpan(0, 8)),
        IPEndPoint { Address: var address } => address.ToString(),
        _ => "",
    };

    private async Task ServeWhollyAsync(ConnectionContext connection, ConnectionDelegate next, string whose)
    {
        try
        {
            await next(connection).ConfigureAwait(false);
        }
        finally
        {
            GiveBack(whose);
        }
    }

    private async Task ServeHealthAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        connection.Features.Set(new HealthOnlyConnection());
        LinkedListNode<ConnectionContext> place = Reserve(connection);
        using ITimer end = clock.CreateTimer(_ => connection.Abort(), state: null, patience, Timeout.InfiniteTimeSpan);
        try
        {
            await next(connection).ConfigureAwait(false);
        }
        finally
        {
            lock (gate)
            {
                if (place.List is not null)
                {
                    reserved.Remove(place);
                }
            }
        }
    }

    private bool TryTake(string whose)
    {
        lock (gate)
        {
            int ofOne = byAddress.GetValueOrDefault(whose);
            if (taken >= total || ofOne >= share)
            {
                return false;
            }

            taken++;
            byAddress[whose] = ofOne + 1;
            return true;
        }
    }

    private void GiveBack(string whose)
    {
        lock (gate)
        {
            taken--;
            if (--byAddress[whose] == 0)
            {
                byAddress.Remove(whose);
            }
        }
    }

    private LinkedListNode<ConnectionContext> Reserve(ConnectionContext connection)
    {
        ConnectionContext? oldest = null;
        LinkedListNode<ConnectionContext> place;
        lock (gate)
        {
            place = reserved.AddLast(connection);
            if (reserved.Count > reserve)
            {
                oldest = reserved.First!.Value;
                reserved.RemoveFirst();
            }
        }

        oldest?.Abort();
        return place;
    }
}
