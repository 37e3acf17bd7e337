using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.EndToEnd;

/// <summary>Checkpoints, records, recipes and servers that were made by somebody who wants to be mistaken for the program.</summary>
internal sealed class HostileNames : IDisposable
{
    /// <summary>No line may begin with it. It has no colon, for an index may name no file that has one.</summary>
    public const string Forged = "error EXPO9999 forged";

    /// <summary>What a name of a file can hold: no slash and no zero.</summary>
    public const string InFiles = "[red]x\u001b[31m\u009b31m\u0007\u007f\r\n" + Forged + "\n\u202e\u2066\u200f\u061c\u200b\u2028\u2029\U000e0041z";

    /// <summary>What a text of JSON can hold besides.</summary>
    public const string InTexts = InFiles + "\0\u0085{0}%s";

    private readonly HttpListener server = new();

    public HostileNames()
    {
        Root = Directory.CreateTempSubdirectory("expocluster-hostile-").FullName;
        WriteCheckpoint("base", 1);
        WriteCheckpoint("aligned", 2);
        WriteCheckpoint("other", 3, more: InTexts + "more");
        WriteCheckpoint("broken", 4, lost: true);
        File.WriteAllText(PathOf("recipe.yaml"), $"base: {PathOf("base")}\n{JsonSerializer.Serialize(InTexts)}: 1\nalpha: {JsonSerializer.Serialize(InTexts)}\nnumerics: {JsonSerializer.Serialize(InTexts)}\n");
        WriteRecord();
        Uri = StartServer();
    }

    public string Root { get; }

    /// <summary>Of a server that answers whatever it is asked.</summary>
    public string Uri { get; }

    public string PathOf(string name) => Path.Join(Root, name);

    public void Dispose()
    {
        server.Close();
        Directory.Delete(Root, recursive: true);
    }

    // Two files with an index, all named by the enemy.
    private void WriteCheckpoint(string name, byte fill, string? more = null, bool lost = false)
    {
        string directory = Directory.CreateDirectory(PathOf(name)).FullName;
        var map = new JsonObject();
        foreach (string half in new[] { "1", "2" })
        {
            string file = InFiles + half + ".safetensors";
            string[] tensors = half == "1" && more is not null ? [InTexts + half, more] : [InTexts + half];
            WriteWeights(Path.Join(directory, file), fill, tensors);
            foreach (string tensor in tensors)
            {
                map[tensor] = lost && half == "2" ? InFiles + "lost.safetensors" : file;
            }
        }

        File.WriteAllText(Path.Join(directory, "model.safetensors.index.json"), new JsonObject { ["metadata"] = new JsonObject(), ["weight_map"] = map }.ToJsonString());
        File.WriteAllText(Path.Join(directory, "config.json"), new JsonObject { ["torch_dtype"] = InTexts, [InTexts] = 1 }.ToJsonString());
        File.WriteAllText(Path.Join(directory, InFiles + ".txt"), "side file");
    }

    private static void WriteWeights(string path, byte fill, string[] tensors)
    {
        var entries = SafetensorsLayout.Arrange(tensors.Select(tensor => (tensor, Dtype.F32, System.Collections.Immutable.ImmutableArray.Create(16L))));
        using FileStream stream = File.Create(path);
        stream.Write(SafetensorsHeader.Encode(
            entries, System.Collections.Immutable.ImmutableSortedDictionary<string, string>.Empty.Add("format", "pt").Add(InTexts, InTexts)));
        byte[] data = new byte[entries.Sum(entry => entry.ByteCount)];
        Array.Fill(data, fill);
        stream.Write(data);
    }

    // Of a file that is there and is not what the record says, of one that is not there, and of statistics.
    private void WriteRecord()
    {
        string directory = Directory.CreateDirectory(PathOf("recorded")).FullName;
        WriteWeights(Path.Join(directory, InFiles + ".safetensors"), 1, [InTexts]);
        var sums = new JsonObject
        {
            ["elements"] = 1, ["changed"] = 1, ["swallowed"] = 0, ["effectiveAlpha"] = 0.3, ["deltaNorm"] = 1, ["alignedNorm"] = 1, ["maxDelta"] = 1, ["nan"] = 0, ["infinite"] = 0, ["overflowed"] = 0,
        };
        var record = new JsonObject
        {
            ["format"] = 1, ["tool"] = InTexts, ["planDigest"] = InTexts, ["numericsVersion"] = 1, ["blockBytes"] = 4 << 20,
            ["recipe"] = JsonNode.Parse("""{"method":"expo","alpha":0.3,"numerics":"exact","dtype":"aligned","on_mismatch":"error","max_shard_size":"keep"}"""),
            ["inputs"] = new JsonArray(),
            ["files"] = new JsonArray(new JsonObject { ["name"] = InFiles + ".safetensors", ["bytes"] = 1, ["digest"] = InTexts, ["blockDigests"] = Convert.ToBase64String(new byte[16]) }),
            ["published"] = new JsonArray(InFiles + ".safetensors", InFiles + "gone"),
            ["statistics"] = new JsonObject { ["total"] = sums.DeepClone(), ["askedAlpha"] = 0.3, ["tensors"] = new JsonArray(new JsonObject { ["name"] = InTexts, ["alpha"] = 0.3, ["sums"] = sums.DeepClone() }) },
        };
        // A recipe may hold what turns text round, though no control characters.
        record["recipe"]!["base"] = "b\u202e<b>";
        record["recipe"]!["aligned"] = "a\u2066\u200b";
        record["recipe"]!["name"] = "n\u202e</title><script>alert(1)</script>";
        File.WriteAllText(Path.Join(directory, "expocluster.json"), record.ToJsonString());
    }

    private string StartServer()
    {
        for (int port = 23_000 + (Environment.ProcessId % 20_000); ; port++)
        {
            server.Prefixes.Clear();
            server.Prefixes.Add($"http://127.0.0.1:{port}/");
            try
            {
                server.Start();
                _ = Task.Run(AnswerAsync);
                return $"http://127.0.0.1:{port}";
            }
            catch (HttpListenerException)
            {
                // Taken: the next one.
            }
        }
    }

    private async Task AnswerAsync()
    {
        while (server.IsListening)
        {
            HttpListenerContext context;
            try
            {
                context = await server.GetContextAsync();
            }
            catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            (int status, string type, JsonNode answer) = Answer(context.Request);
            byte[] body = Encoding.UTF8.GetBytes(answer.ToJsonString());
            context.Response.StatusCode = status;
            context.Response.ContentType = type;
            await context.Response.OutputStream.WriteAsync(body);
            context.Response.Close();
        }
    }

    private static (int Status, string Type, JsonNode Answer) Answer(HttpListenerRequest request) => (request.HttpMethod, request.Url!.AbsolutePath) switch
    {
        ("GET", "/api/jobs") => (200, "application/json", new JsonObject { ["jobs"] = new JsonArray(Job()), ["next"] = InTexts }),
        ("POST", "/api/jobs/prune") => (200, "application/json", new JsonObject { ["jobs"] = new JsonArray(InTexts), ["kept"] = new JsonArray(InTexts), ["more"] = false }),
        ("GET", "/health/ready") => (503, "application/json", new JsonObject
        {
            ["ready"] = false, ["checks"] = new JsonArray(new JsonObject { ["name"] = InTexts, ["holds"] = false, ["reason"] = InTexts }),
        }),
        ("GET" or "DELETE", _) => (200, "application/json", Job()),
        _ => (422, "application/problem+json", new JsonObject
        {
            ["status"] = 422, ["title"] = InTexts, ["code"] = "EXPO2001", ["detail"] = InTexts, ["advice"] = InTexts,
            ["problems"] = new JsonArray(new JsonObject { ["code"] = InTexts, ["path"] = InTexts, ["message"] = InTexts, ["advice"] = InTexts }),
        }),
    };

    private static JsonObject Job() => new()
    {
        ["id"] = InTexts, ["name"] = InTexts, ["state"] = "failed", ["output"] = new JsonArray(InTexts, InTexts), ["submittedBy"] = InTexts, ["coordinator"] = InTexts,
        ["reason"] = new JsonObject { ["code"] = "EXPO3006", ["message"] = InTexts, ["advice"] = InTexts },
        ["files"] = new JsonArray(new JsonObject { ["name"] = InTexts, ["bytes"] = -1, ["parts"] = 1, ["committed"] = 5, ["sealed"] = false, ["bytesCommitted"] = 1L << 60 }),
        ["lanes"] = new JsonArray(new JsonObject { ["worker"] = InTexts, ["file"] = 77, ["part"] = 1, ["bytesDone"] = 1, ["bytes"] = 0 }),
        ["submittedAt"] = "2026-01-02T03:04:05Z", ["changedAt"] = "2026-01-02T03:04:06Z",
    };
}
