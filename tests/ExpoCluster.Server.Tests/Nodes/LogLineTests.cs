using System.Text.Json.Nodes;
using ExpoCluster.Server.Nodes;

namespace ExpoCluster.Server.Tests.Nodes;

public sealed class LogLineTests
{
    private static readonly LogLine Line = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero), "warning", "Coordinator", "Job a\"b: worker w was lost\nnow")
    {
        Node = "h:1",
        Facts = new Dictionary<string, object?> { ["Job"] = "a\"b", ["Parts"] = 3, ["Bytes"] = 1L << 40, ["Patience"] = TimeSpan.FromSeconds(20) },
        Suppressed = 2,
    };

    [Fact]
    public void In_JSON_it_is_one_line_with_a_field_for_each_fact()
    {
        string json = Line.ToJson();
        JsonNode read = JsonNode.Parse(json)!;

        Assert.DoesNotContain('\n', json);
        Assert.Equal(["time", "level", "source", "message", "node", "job", "parts", "bytes", "patience", "repeated"], read.AsObject().Select(field => field.Key));
        Assert.Equal("2026-01-02T03:04:05.678Z", (string?)read["time"]);
        Assert.Equal(("a\"b", 3, 1L << 40, "00:00:20", 2), ((string?)read["job"], (int)read["parts"]!, (long)read["bytes"]!, (string?)read["patience"], (int)read["repeated"]!));
    }

    [Fact]
    public void In_text_it_is_as_people_read_it() =>
        Assert.EndsWith(".678 warning Coordinator: Job a\"b: worker w was lost\nnow [and 2 times before]", Line.ToText(), StringComparison.Ordinal);
}
