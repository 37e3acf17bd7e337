namespace ExpoCluster.EndToEnd;

public sealed class SweepTests
{
    private static readonly string[] Alphas = ["0.1", "0.2", "0.3", "0.4", "0.5"];

    [Fact]
    public void Five_alphas_read_the_inputs_once_and_give_what_five_merges_give()
    {
        using var place = new Workplace("40MB", "--max-shard-size", "34MB");

        RunResult sweep = ExpoProcess.Run(place.MergeWith(string.Join(',', Alphas)));

        Assert.True(sweep.ExitCode == 0, sweep.ToString());
        Assert.Equal(Alphas.Select(alpha => place.PathOf($"out/alpha-{alpha}")), sweep.Json.GetProperty("output").EnumerateArray().Select(path => path.GetString()));
        Assert.Equal([0.1, 0.2, 0.3, 0.4, 0.5], sweep.Json.GetProperty("statistics").EnumerateArray().Select(entry => entry.GetProperty("alpha").GetDouble()));
        RunResult alone = ExpoProcess.Run(["merge", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", place.PathOf("alone"), "--json"]);
        Assert.Equal(alone.Json.GetProperty("bytesRead").GetInt64(), sweep.Json.GetProperty("bytesRead").GetInt64());
        Assert.Equal(5 * alone.Json.GetProperty("bytesWritten").GetInt64(), sweep.Json.GetProperty("bytesWritten").GetInt64());
        SortedDictionary<string, string> one = Workplace.Digests(place.PathOf("alone"));
        SortedDictionary<string, string> ofSweep = Workplace.Digests(place.PathOf("out/alpha-0.3"));
        // The record names the plan, and a sweep's plan is another one.
        one.Remove("expocluster.json");
        ofSweep.Remove("expocluster.json");
        Assert.Equal(one, ofSweep);
        Assert.Equal(0, ExpoProcess.Run("verify", place.Output).ExitCode);
    }

    [Fact]
    public void The_same_sweep_again_has_nothing_to_do_and_another_one_is_refused()
    {
        using var place = new Workplace("4MB");
        Assert.Equal(0, ExpoProcess.Run(place.MergeWith("0.1,0.3")).ExitCode);

        RunResult again = ExpoProcess.Run(place.MergeWith("0.1,0.3"));
        RunResult other = ExpoProcess.Run(place.MergeWith("0.1,0.4"));

        Assert.Equal((0, 0), (again.ExitCode, again.Json.GetProperty("parts").GetProperty("computed").GetInt32()));
        Assert.Equal(2, other.ExitCode);
        Assert.Contains("EXPO2082", other.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_killed_sweep_goes_on_and_its_outputs_are_those_of_an_undisturbed_one()
    {
        using var place = new Workplace("80MB", "--max-shard-size", "34MB");
        Assert.Equal(0, ExpoProcess.Run(place.MergeWith("0.1,0.5")).ExitCode);
        Directory.Move(place.Output, place.PathOf("undisturbed"));

        ExpoProcess.KillInMidMerge(place.MergeWith("0.1,0.5"));
        RunResult resumed = ExpoProcess.Run(place.MergeWith("0.1,0.5"));

        Assert.True(resumed.ExitCode == 0, resumed.ToString());
        Assert.Equal(Workplace.Digests(place.PathOf("undisturbed")), Workplace.Digests(place.Output));
    }

    [Fact]
    public void One_changed_byte_in_one_output_is_found_by_verifying_the_whole_sweep()
    {
        using var place = new Workplace("4MB");
        Assert.Equal(0, ExpoProcess.Run(place.MergeWith("0.1,0.3")).ExitCode);
        string file = Path.Join(place.Output, "alpha-0.3", "model.safetensors");
        byte[] bytes = File.ReadAllBytes(file);
        bytes[^1] ^= 1;
        File.WriteAllBytes(file, bytes);

        RunResult verify = ExpoProcess.Run("verify", place.Output, "--json");

        Assert.Equal(1, verify.ExitCode);
        Assert.Equal("alpha-0.3/model.safetensors", Assert.Single(verify.Json.GetProperty("damage").EnumerateArray()).GetProperty("file").GetString());
    }
}
