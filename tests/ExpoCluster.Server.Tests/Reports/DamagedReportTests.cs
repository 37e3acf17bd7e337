using System.Text.Json.Nodes;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Tests;
using ExpoCluster.Server.Embedded;
using ExpoCluster.Server.Reports;
using ExpoCluster.Tensors;

namespace ExpoCluster.Server.Tests.Reports;

/// <summary>A record that reads as JSON, and whose values are not those of a record.</summary>
public sealed class DamagedReportTests : IDisposable
{
    private readonly SmallPair pair = new(("model.safetensors", "t", 1000));

    public void Dispose() => pair.Dispose();

    [Fact]
    public async Task A_report_and_a_merge_meet_it_with_an_error_that_has_a_code()
    {
        PlannedMerge merge = pair.Plan();
        await new EmbeddedMerge(pair.Recipe, pair.Output, new EmbeddedMergeOptions { Lanes = 1, Version = "test" }).RunAsync(merge, _ => { }, CancellationToken.None);
        string sound = File.ReadAllText(pair.Output.Provenance);
        Action<JsonNode>[] damages =
        [
            record => record["files"] = new JsonArray((JsonNode?)null),
            record => record["files"]![0]!["name"] = "a\0b",
            record => record["recipe"] = "x",
            record => record["recipe"] = null,
            record => record["statistics"]!["tensors"] = new JsonArray((JsonNode?)null),
            record => record["published"] = new JsonArray((JsonNode?)null),
        ];
        foreach (Action<JsonNode> damage in damages)
        {
            JsonNode record = JsonNode.Parse(sound)!;
            damage(record);
            File.WriteAllText(pair.Output.Provenance, record.ToJsonString());

            // Whatever they make of it, it is no exception of another kind.
            OutputPreflight.Inspect(pair.Output, merge, pair.Recipe);
            Exception? met = Record.Exception(() => ReportShelf.Read(pair.Output.Root));
            Assert.True(met is null or ExpoException, met?.ToString());
        }
    }
}
