using System.Net;
using System.Net.Sockets;
using System.Text;

namespace ExpoCluster.EndToEnd;

/// <summary>A node of which one address holds all connections that it can get.</summary>
public sealed class ConnectionTests : IDisposable
{
    private const int Held = 1_100;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Workplace place = new();
    private readonly int port = PostgresServer.FreePort();
    private readonly ExpoProcess node;
    private readonly List<Socket> held = [];

    public ConnectionTests()
    {
        node = ExpoProcess.Start(
            "node", "--database", $"sqlite:{place.PathOf("jobs.db")}", "--storage-root", place.Root, "--port", "0", "--lanes", "1",
            "--http", $"http://127.0.0.1:{port}");
        NodeProcesses.WaitFor(node, "serving");
    }

    public void Dispose()
    {
        held.ForEach(socket => socket.Dispose());
        node.Dispose();
        place.Dispose();
    }

    [Fact]
    public async Task It_serves_others_and_says_to_all_how_it_is()
    {
        for (int number = 0; number < Held; number++)
        {
            held.Add(await OpenAsync("127.0.0.1"));
        }

        Assert.StartsWith("HTTP/1.1 200", await AskAsync("127.0.0.1", "/health/live"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200", await AskAsync("127.0.0.1", "/health/ready"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200", await AskAsync("127.0.0.2", "/api/jobs"), StringComparison.Ordinal);
        string refused = await AskAsync("127.0.0.1", "/api/jobs");
        Assert.StartsWith("HTTP/1.1 503", refused, StringComparison.Ordinal);
        Assert.Contains("EXPO5115", refused, StringComparison.Ordinal);
    }

    private async Task<Socket> OpenAsync(string from)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
        await socket.ConnectAsync(IPAddress.Loopback, port);
        return socket;
    }

    // A connection that comes at the same moment as the last of those that are held may be counted before them; then it is the oldest of
    // the reserve, and makes room for them.
    private async Task<string> AskAsync(string from, string path)
    {
        string answer = await AskOnceAsync(from, path);
        return answer.Length > 0 ? answer : await AskOnceAsync(from, path);
    }

    private async Task<string> AskOnceAsync(string from, string path)
    {
        using Socket socket = await OpenAsync(from);
        await socket.SendAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"));
        await using var stream = new NetworkStream(socket);
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync().WaitAsync(Patience);
    }
}
