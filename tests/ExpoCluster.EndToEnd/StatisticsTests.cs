using System.Text.Json;

namespace ExpoCluster.EndToEnd;

public sealed class StatisticsTests
{
    [Fact]
    public void A_merge_says_what_of_alpha_was_reached_and_float32_reaches_it()
    {
        using var place = new Workplace("8MB");

        RunResult inBF16 = ExpoProcess.Run(["merge", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", place.Output]);
        JsonElement inF32 = ExpoProcess.Run(["merge", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--dtype", "f32", "--out", place.PathOf("f32"), "--json"])
            .Json.GetProperty("statistics")[0];

        Assert.Matches(@"alpha 0\.30 asked, 0\.3\d* reached in BF16; \d+(\.\d)? % of the changed weights did not move; --dtype f32 would keep them", inBF16.Output);
        Assert.Equal(0.3, inF32.GetProperty("effectiveAlpha").GetDouble(), tolerance: 1e-4);
        Assert.Equal(0, inF32.GetProperty("swallowedShare").GetDouble());
    }

    [Fact]
    public void Diff_foretells_what_the_merge_will_record()
    {
        using var place = new Workplace("8MB");
        Assert.Equal(0, ExpoProcess.Run(place.Merge()).ExitCode);
        JsonElement recorded = JsonDocument.Parse(File.ReadAllText(Path.Join(place.Output, "expocluster.json"))).RootElement.GetProperty("statistics");

        RunResult diff = ExpoProcess.Run("diff", place.Base, place.Aligned, "--alpha", "0.3", "--json");

        Assert.True(diff.ExitCode == 0, diff.ToString());
        JsonElement total = diff.Json.GetProperty("total");
        foreach (string count in new[] { "elements", "changed", "swallowed", "overflowed" })
        {
            Assert.Equal(recorded.GetProperty("total").GetProperty(count).GetInt64(), total.GetProperty(count).GetInt64());
        }

        Assert.Equal(recorded.GetProperty("total").GetProperty("effectiveAlpha").GetDouble(), total.GetProperty("effectiveAlpha").GetDouble(), tolerance: 1e-9);
        Assert.Equal(recorded.GetProperty("tensors").GetArrayLength(), diff.Json.GetProperty("tensors").GetArrayLength());
    }

    [Fact]
    public void Overflow_of_F16_is_counted_and_said()
    {
        using var place = new Workplace();
        ManyTensors.Write(place.Base, count: 1, elements: 2, add: 60_000);
        ManyTensors.Write(place.Aligned, count: 1, elements: 2, add: 65_000);

        RunResult merge = ExpoProcess.Run("merge", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.5", "--dtype", "f16", "--out", place.Output);

        Assert.True(merge.ExitCode == 0, merge.ToString());
        Assert.Contains("warning: 2 values are too large for F16 and became infinite; --dtype bf16 or f32 would hold them", merge.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Stochastic_rounding_gives_the_same_bytes_with_one_lane_and_with_two_and_across_a_kill()
    {
        using var place = new Workplace("70MB");
        string[] stochastic = ["--numerics", "stochastic", "--seed", "11"];
        Assert.Equal(0, ExpoProcess.Run(place.Merge(["--lanes", "1", .. stochastic])).ExitCode);
        Directory.Move(place.Output, place.PathOf("one"));

        ExpoProcess.KillInMidMerge(place.Merge(stochastic));
        RunResult resumed = ExpoProcess.Run(place.Merge([.. stochastic, "--lanes", "2"]));

        Assert.True(resumed.ExitCode == 0, resumed.ToString());
        Assert.Equal(Workplace.Digests(place.PathOf("one")), Workplace.Digests(place.Output));
        Assert.Equal(0.3, resumed.Json.GetProperty("statistics")[0].GetProperty("effectiveAlpha").GetDouble(), tolerance: 0.001);
    }
}
