using System.Text.Json;
using ExpoCluster.Client.Jobs;

namespace ExpoCluster.Client.Tests.Jobs;

public sealed class MergeResultTests
{
    [Fact]
    public void A_finished_merge_has_the_fields_of_the_contract_and_no_error()
    {
        var result = new MergeResult("abc", "done", ["/out"], new PartCounts(Total: 3, Computed: 2, Reused: 1), BytesRead: 20, BytesWritten: 10, Seconds: 1.5);

        Assert.Equal(
            """{"job":"abc","status":"done","output":["/out"],"parts":{"total":3,"computed":2,"reused":1},"bytesRead":20,"bytesWritten":10,"seconds":1.5,"problems":[],"statistics":[],"notes":[],"warnings":[]}""",
            JsonSerializer.Serialize(result, ContractJson.Default.MergeResult));
    }

    [Fact]
    public void A_failed_merge_has_a_code_and_a_message_besides()
    {
        var result = new MergeResult(null, "failed", [], new PartCounts(0, 0, 0), 0, 0, 0) { Code = "EXPO4001", Message = "full" };

        string json = JsonSerializer.Serialize(result, ContractJson.Default.MergeResult);

        Assert.Contains("\"code\":\"EXPO4001\",\"message\":\"full\"", json, StringComparison.Ordinal);
        Assert.Contains("\"job\":null", json, StringComparison.Ordinal);
    }

    [Fact]
    public void Statistics_say_for_each_output_what_was_asked_and_reached()
    {
        var result = new MergeResult("abc", "done", ["/out"], new PartCounts(3, 3, 0), 20, 10, 1.5)
        {
            Statistics = [new OutputStatistics("/out", 0.3, 0.21, 0.9, 0.49, 1, 2, 3)],
        };

        Assert.Contains(
            """
            "statistics":[{"output":"/out","alpha":0.3,"effectiveAlpha":0.21,"changedShare":0.9,"swallowedShare":0.49,"overflowed":1,"nan":2,"infinite":3}]
            """,
            JsonSerializer.Serialize(result, ContractJson.Default.MergeResult),
            StringComparison.Ordinal);
    }

    [Fact]
    public void It_can_be_read_back()
    {
        var result = new MergeResult("abc", "suspended", ["/out"], new PartCounts(3, 2, 1), 20, 10, 1.5) { Notes = ["a note"] };

        MergeResult back = JsonSerializer.Deserialize(
            JsonSerializer.Serialize(result, ContractJson.Default.MergeResult), ContractJson.Default.MergeResult)!;

        Assert.Equal((result.Job, result.Status, result.Parts, result.Seconds), (back.Job, back.Status, back.Parts, back.Seconds));
        Assert.Equal(["a note"], back.Notes);
    }
}
