using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using ExpoCluster.Server.Tests.Api;

namespace ExpoCluster.Server.Tests.Hostile;

/// <summary>What came back.</summary>
/// <param name="Status">Of HTTP.</param>
/// <param name="Body">All of it.</param>
internal sealed record Answer(int Status, string Body)
{
    /// <summary>Of the problem; null where the answer is none, as where the web server itself refuses.</summary>
    public string? Code => Body.StartsWith('{') ? (string?)JsonNode.Parse(Body)!["code"] : null;
}

/// <summary>One node, with a pair of checkpoints and traps beside it.</summary>
public sealed class HostileScene : ApiScene
{
    /// <summary>What the node may read, and nobody who asks it.</summary>
    public const string Secret = "root:x:0:0:a-secret-of-the-machine";

    private readonly string outside = Directory.CreateTempSubdirectory("expocluster-outside-").FullName;

    public string Root => Pair.Root;

    public override async Task InitializeAsync()
    {
        File.WriteAllText(Path.Join(outside, "secret.json"), Secret);
        File.Copy(Path.Join(Pair.Aligned, "model.safetensors"), Path.Join(outside, "model.safetensors"));
        Directory.CreateSymbolicLink(Path.Join(Root, "leads-out"), outside);
        Directory.CreateSymbolicLink(Path.Join(Root, "circle"), Path.Join(Root, "circle"));
        using (var pipe = Process.Start("mkfifo", Path.Join(Root, "pipe")))
        {
            await pipe.WaitForExitAsync();
        }

        File.CreateSymbolicLink(Path.Join(Root, "link-to-file"), Path.Join(Pair.Aligned, "model.safetensors"));
        File.CreateSymbolicLink(Path.Join(Root, "dangling"), Path.Join(Root, "nowhere"));
        MakeModel("weights-outside", "model.safetensors", () => File.CreateSymbolicLink(Path.Join(Root, "weights-outside", "model.safetensors"), Path.Join(outside, "model.safetensors")));
        MakeModel("tokenizer-outside", "tokenizer.json", () => File.CreateSymbolicLink(Path.Join(Root, "tokenizer-outside", "tokenizer.json"), Path.Join(outside, "secret.json")));
        MakeModel("index-outside", "model.safetensors", () => File.WriteAllText(
            Path.Join(Root, "index-outside", "model.safetensors.index.json"), """{"weight_map": {"weight": "../leads-out/model.safetensors"}}"""));
        await StartAsync();
    }

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(outside, recursive: true);
    }

    internal async Task<Answer> SubmitAsync(string key, JsonNode? value)
    {
        JsonObject recipe = new() { ["base"] = "base", ["aligned"] = "aligned", ["alpha"] = 0.5, ["out"] = "out" };
        recipe[key] = value;
        return await SubmitAsync(recipe.ToJsonString());
    }

    internal Task<Answer> SubmitAsync(string body, string mediaType = "application/json") =>
        SendAsync(HttpMethod.Post, "/api/jobs", request => request.Content = new StringContent(body, Encoding.UTF8, mediaType));

    internal Task<Answer> GetAsync(string path, Action<HttpRequestMessage>? change = null) => SendAsync(HttpMethod.Get, path, change);

    internal async Task<Answer> SendAsync(HttpMethod method, string path, Action<HttpRequestMessage>? change = null)
    {
        using var request = new HttpRequestMessage(method, path);
        change?.Invoke(request);
        using HttpResponseMessage response = await Http.SendAsync(request);
        return new Answer((int)response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    /// <summary>Bytes as no client would write them.</summary>
    internal async Task<Answer> SendRawAsync(string head, long bodyBytes = 0)
    {
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, Node.Http!.Port);
        NetworkStream stream = tcp.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(head));
        Task writing = WriteAsync(stream, bodyBytes);
        using var reader = new StreamReader(stream);
        string text;
        try
        {
            text = await reader.ReadToEndAsync();
        }
        catch (IOException)
        {
            text = "HTTP/1.1 000 \r\n\r\n";
        }

        await writing;
        string[] parts = text.Split("\r\n\r\n", 2);
        string body = parts.Length > 1 ? parts[1] : "";
        int brace = body.IndexOf('{', StringComparison.Ordinal);
        return new Answer(int.Parse(text.Split(' ')[1], null), brace < 0 ? "" : body[brace..(body.LastIndexOf('}') + 1)]);
    }

    /// <summary>How many bytes the node took of a body that never ends, before it hung up.</summary>
    public long Taken { get; private set; }

    private async Task WriteAsync(NetworkStream stream, long bytes)
    {
        byte[] block = Encoding.ASCII.GetBytes(new string(' ', 1 << 16));
        Taken = 0;
        try
        {
            for (; Taken < bytes; Taken += block.Length)
            {
                await stream.WriteAsync(block);
            }
        }
        catch (IOException)
        {
            // It hung up.
        }
    }

    private void MakeModel(string name, string without, Action setTrap)
    {
        string model = Directory.CreateDirectory(Path.Join(Root, name)).FullName;
        foreach (string file in Directory.EnumerateFiles(Pair.Aligned).Where(file => Path.GetFileName(file) != without))
        {
            File.Copy(file, Path.Join(model, Path.GetFileName(file)));
        }

        setTrap();
    }
}
