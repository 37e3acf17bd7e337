using System.Text.Json.Nodes;
using ExpoCluster.Server.Reports;
using ExpoCluster.Tensors;

namespace ExpoCluster.Server.Tests.Reports;

/// <summary>Whatever a record holds, a report of it is a page or an error that has a code.</summary>
public sealed class ReportFuzzTests : IDisposable
{
    private const string Sums = """{"elements":100,"changed":80,"swallowed":8,"effectiveAlpha":0.3,"deltaNorm":3,"alignedNorm":10,"maxDelta":1,"nan":0,"infinite":0,"overflowed":0}""";

    private const string Record = $$$"""
        {"format":1,"tool":"t","planDigest":"short","numericsVersion":1,"blockBytes":4194304,
         "recipe":{"name":"n","method":"expo","base":"b","aligned":"a","alpha":0.3,"numerics":"exact","dtype":"aligned","on_mismatch":"error","max_shard_size":"keep"},
         "inputs":[],"files":[{"name":"model.safetensors","bytes":1,"digest":"d","blockDigests":""}],"published":["model.safetensors"],
         "statistics":{"total":{{{Sums}}},"askedAlpha":0.3,"tensors":[{"name":"model.layers.0.x.weight","alpha":0.3,"sums":{{{Sums}}}},{"name":"y","alpha":0.1,"sums":{{{Sums}}}}]}}
        """;

    private static readonly string[] Values =
    [
        "null", "true", "-1", "0", "1e308", "-1e308", "1e400", "9223372036854775807", "-9223372036854775808", "\"NaN\"", "\"Infinity\"", "\"-Infinity\"",
        "\"\"", "\"\\u202e<script>\"", "[]", "[null]", "{}", "{\"a\":1,\"a\":2}", "\"\\ud800\"",
    ];

    private readonly string directory = Directory.CreateTempSubdirectory("expocluster-report-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task Each_value_may_be_anything()
    {
        Assert.True(await IsPageAsync(Record));
        foreach (string path in PathsIn(JsonNode.Parse(Record)!, "").Where(path => path.Length > 0))
        {
            foreach (string value in Values)
            {
                await IsPageAsync(Replaced(path, value));
            }
        }
    }

    [Fact]
    public async Task Layers_and_kinds_without_end_make_no_page_without_end()
    {
        string tensors = string.Join(',', Enumerable.Range(0, 20_000).Select(index => $$$"""{"name":"model.layers.{{{index}}}.k{{{index}}}","alpha":0.3,"sums":{{{Sums}}}}"""));

        Assert.True(await IsPageAsync(JsonNode.Parse(Record)!.ToJsonString().Replace("\"tensors\":[", $"\"tensors\":[{tensors},", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_name_that_is_long_to_look_through_is_not_looked_through()
    {
        string name = string.Concat(Enumerable.Repeat("layers.1.", 200_000)) + "\\n";

        Assert.True(await IsPageAsync(Record.Replace("\"y\"", $"\"{name}\"", StringComparison.Ordinal)));
    }

    private async Task<bool> IsPageAsync(string record)
    {
        await File.WriteAllTextAsync(Path.Join(directory, "expocluster.json"), record);
        try
        {
            string html = await ReportPage.RenderAsync(ReportShelf.Read(directory));
            Assert.DoesNotContain('\u202e', html);
            Assert.DoesNotContain("<script", html, StringComparison.Ordinal);
            Assert.InRange(html.Length, 1000, 200_000_000);
            return true;
        }
        catch (ExpoException exception)
        {
            Assert.True(exception.Code is "EXPO1301" or "EXPO1302" or "EXPO1303", exception.Message);
            return false;
        }
    }

    private static IEnumerable<string> PathsIn(JsonNode? node, string path) => (node switch
    {
        JsonObject members => members.SelectMany(pair => PathsIn(pair.Value, $"{path}/{pair.Key}")),
        JsonArray elements => elements.SelectMany((element, index) => PathsIn(element, $"{path}/{index}")),
        _ => [],
    }).Prepend(path);

    private static string Replaced(string path, string value)
    {
        JsonNode record = JsonNode.Parse(Record)!;
        string[] steps = path.Split('/')[1..];
        JsonNode holder = steps[..^1].Aggregate(record, Step);
        if (holder is JsonArray array)
        {
            array[int.Parse(steps[^1], System.Globalization.CultureInfo.InvariantCulture)] = "put it here";
        }
        else
        {
            holder[steps[^1]] = "put it here";
        }

        return record.ToJsonString().Replace("\"put it here\"", value, StringComparison.Ordinal);
    }

    private static JsonNode Step(JsonNode node, string step) =>
        node is JsonArray array ? array[int.Parse(step, System.Globalization.CultureInfo.InvariantCulture)]! : node[step]!;
}
