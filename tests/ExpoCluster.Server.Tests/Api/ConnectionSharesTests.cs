using System.Net;
using System.Net.Sockets;
using System.Text;
using ExpoCluster.Server.Api;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ExpoCluster.Server.Tests.Api;

/// <summary>A web server of ten connections, six for one address, and three more to ask about health.</summary>
public sealed class ConnectionSharesTests : IAsyncLifetime
{
    private const int Total = 10;
    private const int Share = 6;
    private const int Reserve = 3;

    private static readonly IPAddress Ada = IPAddress.Parse("127.0.0.2");
    private static readonly IPAddress Bob = IPAddress.Parse("127.0.0.3");
    private static readonly IPAddress Eve = IPAddress.Parse("127.0.0.4");
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly List<TcpClient> opened = [];
    private WebApplication server = null!;
    private int port;

    public Task InitializeAsync() => StartAsync(TimeSpan.FromMinutes(5));

    public async Task DisposeAsync()
    {
        opened.ForEach(client => client.Dispose());
        await server.DisposeAsync();
    }

    [Fact]
    public async Task Whoever_has_his_share_is_told_so_and_others_are_served()
    {
        await HoldAsync(Ada, Share);

        string refused = await AskAsync(Ada, "/api/jobs");

        Assert.StartsWith("HTTP/1.1 503", refused, StringComparison.Ordinal);
        Assert.Contains("EXPO5115", refused, StringComparison.Ordinal);
        Assert.Contains("Connection: close", refused, StringComparison.Ordinal);
        Assert.Contains("served", await AskAsync(Bob, "/api/jobs"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task All_together_have_a_limit_too()
    {
        await HoldAsync(Ada, Share);
        await HoldAsync(Bob, Total - Share);

        Assert.StartsWith("HTTP/1.1 503", await AskAsync(Eve, "/api/jobs"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/health/live")]
    [InlineData("/health/ready")]
    public async Task Health_is_told_to_whoever_asks_though_nothing_is_free(string path)
    {
        await HoldAsync(Ada, Share);
        await HoldAsync(Bob, Total - Share);

        Assert.Contains("served", await AskAsync(Ada, path), StringComparison.Ordinal);
        Assert.Contains("served", await AskAsync(Eve, path), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whoever_fills_the_reserve_with_silence_makes_room_for_those_who_ask()
    {
        await HoldAsync(Ada, Share);
        TcpClient[] idle = [.. await Task.WhenAll(Enumerable.Range(0, 5 * Reserve).Select(_ => OpenAsync(Ada)))];

        for (int time = 0; time < 2 * Reserve; time++)
        {
            Assert.Contains("served", await AskAsync(Ada, "/health/live"), StringComparison.Ordinal);
        }

        // Silence that nobody needs room for may stay for a while.
        List<Task> closing = [.. idle.Select(UntilClosedAsync)];
        while (closing.Count > Reserve)
        {
            closing.Remove(await Task.WhenAny(closing));
        }
    }

    [Fact]
    public async Task A_connection_too_many_does_not_last()
    {
        await server.DisposeAsync();
        await StartAsync(TimeSpan.FromMilliseconds(100));
        await HoldAsync(Ada, Share);

        await UntilClosedAsync(await OpenAsync(Ada));
    }

    [Fact]
    public async Task What_is_closed_is_free_again()
    {
        for (int time = 0; time < 2 * Total; time++)
        {
            Assert.Contains("served", await AskAsync(Ada, "/api/jobs"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_network_of_IPv6_is_one_address()
    {
        string one = ConnectionShares.WhoseIs(new IPEndPoint(IPAddress.Parse("2001:db8:1:2::1"), 1));

        Assert.Equal(one, ConnectionShares.WhoseIs(new IPEndPoint(IPAddress.Parse("2001:db8:1:2:ffff::9"), 2)));
        Assert.NotEqual(one, ConnectionShares.WhoseIs(new IPEndPoint(IPAddress.Parse("2001:db8:1:3::1"), 1)));
        Assert.Equal("10.1.2.3", ConnectionShares.WhoseIs(new IPEndPoint(IPAddress.Parse("::ffff:10.1.2.3"), 1)));
    }

    private async Task StartAsync(TimeSpan patience)
    {
        var shares = new ConnectionShares(Total, Share, Reserve, patience, TimeProvider.System);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.ConfigureEndpointDefaults(listen => listen.Use(next => connection => shares.ServeAsync(connection, next))));
        server = builder.Build();
        server.Use(HealthOnlyConnection.ServeAsync);
        server.Run(context => context.Response.WriteAsync("served"));
        server.Urls.Add("http://0.0.0.0:0");
        await server.StartAsync();
        port = new Uri(server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()).Port;
    }

    // A connection is counted when the server has taken it, and that it has it shows by an answer.
    private async Task HoldAsync(IPAddress from, int count)
    {
        for (int number = 0; number < count; number++)
        {
            TcpClient client = await OpenAsync(from);
            await client.GetStream().WriteAsync("GET /held HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray());
            Assert.True(await client.GetStream().ReadAsync(new byte[4096]).AsTask().WaitAsync(Patience) > 0);
        }
    }

    private async Task<TcpClient> OpenAsync(IPAddress from)
    {
        var client = new TcpClient(new IPEndPoint(from, 0));
        lock (opened)
        {
            opened.Add(client);
        }

        await client.ConnectAsync(IPAddress.Loopback, port);
        return client;
    }

    private async Task<string> AskAsync(IPAddress from, string path)
    {
        using TcpClient client = await OpenAsync(from);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
        using var reader = new StreamReader(client.GetStream());
        return await reader.ReadToEndAsync().WaitAsync(Patience);
    }

    private static async Task UntilClosedAsync(TcpClient client)
    {
        try
        {
            Assert.Equal(0, await client.GetStream().ReadAsync(new byte[1]).AsTask().WaitAsync(Patience));
        }
        catch (IOException)
        {
            // It was reset.
        }
    }
}
