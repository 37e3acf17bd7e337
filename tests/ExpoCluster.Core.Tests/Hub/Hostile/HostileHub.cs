using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using ExpoCluster.TestHub;

namespace ExpoCluster.Core.Tests.Hub.Hostile;

/// <summary>A request as it came, and to which of the ports.</summary>
/// <param name="Port">Where somebody asked.</param>
/// <param name="Target">Path and query.</param>
/// <param name="Authorization">Null where nobody showed a token.</param>
/// <param name="Range">The bytes that are asked for, from the first to the last; null for all.</param>
internal sealed record HostileRequest(int Port, string Target, string? Authorization, (long First, long Last)? Range);

/// <summary>A Hub that writes to its connections whatever it likes, byte by byte, and another server on the same machine that is none of it.</summary>
internal sealed class HostileHub : IAsyncDisposable
{
    public const string Commit = "c0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ff";

    public static readonly byte[] Weights = HubScene.Counting(100_000);

    private readonly CancellationTokenSource end = new();
    private readonly TcpListener hub = new(IPAddress.Any, 0);
    private readonly TcpListener other = new(IPAddress.Loopback, 0);
    private readonly ConcurrentQueue<HostileRequest> requests = new();
    private readonly Task[] serving;
    private long bytesSent;

    public HostileHub()
    {
        hub.Start();
        other.Start();
        serving = [ServeAsync(hub), ServeAsync(other)];
    }

    public static string Sha256 { get; } = Convert.ToHexStringLower(SHA256.HashData(Weights));

    public int Port => ((IPEndPoint)hub.LocalEndpoint).Port;

    public int OtherPort => ((IPEndPoint)other.LocalEndpoint).Port;

    /// <summary>What a part of the Hub does instead of what it should.</summary>
    public Dictionary<Place, Func<HostileRequest, HostileHub, Stream, Task>> Answers { get; } = [];

    public IReadOnlyCollection<HostileRequest> Requests => requests;

    /// <summary>Of all answers.</summary>
    public long BytesSent => Interlocked.Read(ref bytesSent);

    /// <summary>An entry of a listing.</summary>
    public static string Entry(string path, long size = 5, string? oid = null) =>
        string.Create(CultureInfo.InvariantCulture, $$"""{"type": "file", "path": "{{path}}", "size": {{size}}, "oid": "{{oid ?? Commit}}"}""");

    /// <summary>That of the weights.</summary>
    public static string EntryOfWeights(long? size = null) => string.Create(
        CultureInfo.InvariantCulture,
        $$"""{"type": "file", "path": "model.safetensors", "size": {{size ?? Weights.Length}}, "oid": "{{Commit}}", "lfs": {"oid": "{{Sha256}}"} }""");

    public async ValueTask DisposeAsync()
    {
        await end.CancelAsync();
        hub.Dispose();
        other.Dispose();
        await Task.WhenAll(serving);
        end.Dispose();
    }

    public Task SendAsync(Stream stream, string status, string headers, string body) =>
        WriteAsync(stream, $"HTTP/1.1 {status}\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\nConnection: close\r\n{headers}\r\n{body}");

    public Task WriteAsync(Stream stream, string text) => WriteAsync(stream, Encoding.UTF8.GetBytes(text));

    public async Task WriteAsync(Stream stream, byte[] bytes)
    {
        await stream.WriteAsync(bytes, end.Token);
        Interlocked.Add(ref bytesSent, bytes.Length);
    }

    /// <summary>Again and again, until the client hangs up.</summary>
    public async Task WriteForEverAsync(Stream stream, string text, TimeSpan pause = default)
    {
        for (byte[] bytes = Encoding.UTF8.GetBytes(text); ; await WriteAsync(stream, bytes))
        {
            await Task.Delay(pause, end.Token);
        }
    }

    /// <summary>As an honest Hub sends a range of the weights, or so many bytes of it.</summary>
    public async Task SendWeightsAsync(HostileRequest request, Stream stream, int? bytes = null, string etag = "")
    {
        (long first, long last) = request.Range ?? (0, Weights.Length - 1);
        int length = (int)(last - first + 1);
        await WriteAsync(stream, string.Create(
            CultureInfo.InvariantCulture,
            $"HTTP/1.1 206 Partial Content\r\nContent-Length: {length}\r\nContent-Range: bytes {first}-{last}/{Weights.Length}\r\n{OfWeights(etag)}Connection: close\r\n\r\n"));
        await WriteAsync(stream, Weights[(int)first..((int)first + Math.Min(length, bytes ?? length))]);
    }

    /// <summary>What the Hub says of a file.</summary>
    public static string OfWeights(string etag = "") => $"X-Repo-Commit: {Commit}\r\nX-Linked-Etag: \"{(etag.Length > 0 ? etag : Sha256)}\"\r\n";

    private async Task ServeAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                _ = AnswerAsync(await listener.AcceptTcpClientAsync(end.Token));
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // It is over.
        }
    }

    private async Task AnswerAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                NetworkStream stream = client.GetStream();
                HostileRequest request = await ReadAsync(stream, ((IPEndPoint)client.Client.LocalEndPoint!).Port);
                requests.Enqueue(request);
                await AnswerAsync(request, stream);
                client.Client.Shutdown(SocketShutdown.Send);
                // Closed before the client has closed it, the connection would be reset, and what was sent lost.
                while (await stream.ReadAsync(new byte[256], end.Token) > 0)
                {
                }
            }
            catch (Exception exception) when (exception is IOException or OperationCanceledException or SocketException)
            {
                // The client has hung up.
            }
        }
    }

    private Task AnswerAsync(HostileRequest request, NetworkStream stream)
    {
        Place place = request.Port == OtherPort ? Place.Storage
            : request.Target.Contains("/revision/", StringComparison.Ordinal) ? Place.Revision
            : request.Target.Contains("/tree/", StringComparison.Ordinal) ? Place.Tree
            : Place.Resolve;
        return Answers.TryGetValue(place, out Func<HostileRequest, HostileHub, Stream, Task>? hostile) ? hostile(request, this, stream) : place switch
        {
            Place.Revision => SendAsync(stream, "200 OK", "", $$"""{"sha": "{{Commit}}"}"""),
            Place.Tree => SendAsync(stream, "200 OK", "", $"[{EntryOfWeights()}]"),
            Place.Storage => SendAsync(stream, "404 Not Found", "", ""),
            _ => SendWeightsAsync(request, stream),
        };
    }

    private static async Task<HostileRequest> ReadAsync(NetworkStream stream, int port)
    {
        using var reader = new StreamReader(stream, Encoding.Latin1, leaveOpen: true);
        string target = (await reader.ReadLineAsync() ?? throw new IOException("nothing was asked")).Split(' ')[1];
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        for (string? line = await reader.ReadLineAsync(); line is { Length: > 0 }; line = await reader.ReadLineAsync())
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            headers[line[..colon]] = line[(colon + 1)..].Trim();
        }

        long[]? range = headers.GetValueOrDefault("Range")?["bytes=".Length..].Split('-').Select(number => long.Parse(number, CultureInfo.InvariantCulture)).ToArray();
        return new HostileRequest(port, target, headers.GetValueOrDefault("Authorization"), range is null ? null : (range[0], range[1]));
    }
}
