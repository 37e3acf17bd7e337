using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace ExpoCluster.EndToEnd;

/// <summary>What the program says of checkpoints that are not what they seem.</summary>
public sealed class UnderstandingTests : IDisposable
{
    private readonly Workplace place = new();

    public void Dispose() => place.Dispose();

    [Theory]
    [InlineData("plan")]
    [InlineData("merge")]
    public void Quantised_weights_are_refused_by_one_error_and_nothing_is_left(string command)
    {
        foreach (string side in new[] { place.Base, place.Aligned })
        {
            Write(side, ("a.weight", "F8_E4M3", [4, 4]), ("a.weight_scale_inv", "F32", [1, 1]), ("b.weight", "F8_E4M3", [4, 4]), ("b.weight_scale_inv", "F32", [1, 1]));
        }

        RunResult run = ExpoProcess.Run(command, "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", place.Output, "--on-mismatch", "copy-aligned");

        Assert.Equal(3, run.ExitCode);
        Assert.Single(Regex.Matches(run.Errors, "error EXPO"));
        Assert.Contains("error EXPO1210: ", run.Errors, StringComparison.Ordinal);
        Assert.Contains("FP8 with scales per block, 2 weights and 2 scales", run.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(place.Output));
    }

    [Fact]
    public void Coverage_and_warnings_are_told_and_strict_refuses_before_work()
    {
        WritePairThatDiffersInItsConfiguration();
        string recipe = place.PathOf("recipe.yaml");
        File.WriteAllText(recipe, $"base: {place.Base}\naligned: {place.Aligned}\nalpha: 0.5\non_mismatch:\n- {{match: 'visual.*', policy: copy-aligned}}\n");

        JsonElement plan = ExpoProcess.Run("plan", recipe, "--json").Json;
        RunResult merge = ExpoProcess.Run("merge", recipe, "--out", place.Output);
        RunResult strict = ExpoProcess.Run("merge", recipe, "--out", place.PathOf("strict"), "--strict");

        Assert.Equal((64, 0.5), (plan.GetProperty("merged").GetProperty("bytes").GetInt64(), plan.GetProperty("merged").GetProperty("share").GetDouble()));
        Assert.Equal((64, 1), (plan.GetProperty("copied").GetProperty("bytes").GetInt64(), plan.GetProperty("copied").GetProperty("tensors").GetInt32()));
        Assert.Equal("EXPO1222", plan.GetProperty("warnings")[0].GetProperty("code").GetString());
        Assert.True(merge.ExitCode == 0, merge.ToString());
        Assert.Contains("warning EXPO1222: ", merge.Errors, StringComparison.Ordinal);
        Assert.Contains("(50 %); copied 64 B: 1 tensor, visual.w", merge.Output, StringComparison.Ordinal);
        Assert.Equal(3, strict.ExitCode);
        Assert.Contains("error EXPO1222: ", strict.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(place.PathOf("strict")));
    }

    [Fact]
    public void What_is_published_names_no_private_paths_and_says_what_was_computed()
    {
        WritePairThatDiffersInItsConfiguration();
        RunResult merge = ExpoProcess.Run(
            "merge", "--base", place.Base, "--aligned", place.Base, "--alpha", "0.5", "--out", place.Output, "--json");

        Assert.True(merge.ExitCode == 0, merge.ToString());
        string record = File.ReadAllText(Path.Join(place.Output, "expocluster.json"));
        Assert.DoesNotContain(place.Root, record + File.ReadAllText(Path.Join(place.Output, "README.md")), StringComparison.Ordinal);
        using JsonDocument read = JsonDocument.Parse(record);
        Assert.Equal(1, read.RootElement.GetProperty("merged").GetProperty("share").GetDouble());
        JsonElement input = read.RootElement.GetProperty("inputs")[0];
        Assert.Equal(("model.safetensors", "base"), (input.GetProperty("path").GetString(), input.GetProperty("checkpoint").GetString()));
        Assert.Equal(1, merge.Json.GetProperty("merged").GetProperty("share").GetDouble());
        Assert.Equal(0, ExpoProcess.Run("verify", place.Output).ExitCode);
    }

    [Fact]
    public void A_strict_merge_does_not_publish_what_overflowed_and_names_the_tensors()
    {
        ManyTensors.Write(place.Base, count: 1, elements: 2, add: 60_000);
        ManyTensors.Write(place.Aligned, count: 1, elements: 2, add: 65_000);

        RunResult merge = ExpoProcess.Run(
            "merge", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.5", "--dtype", "f16", "--out", place.Output, "--strict");

        Assert.Equal(3, merge.ExitCode);
        Assert.Matches("error EXPO1230: .* in 1 tensor: ", merge.Errors);
        Assert.False(File.Exists(Path.Join(place.Output, "model.safetensors")));
    }

    [Fact]
    public void Inspect_says_what_a_checkpoint_is()
    {
        Write(place.Base, ("a.qweight", "I32", [1, 8]), ("a.qzeros", "I32", [1, 1]), ("a.scales", "F16", [1, 8]), ("a.g_idx", "I32", [8]));

        JsonElement nature = ExpoProcess.Run("inspect", place.Base, "--json").Json.GetProperty("nature");

        Assert.Equal("quantised model", nature.GetProperty("kind").GetString());
        Assert.Equal(("GPTQ", 1, 1), (
            nature.GetProperty("quantised")[0].GetProperty("format").GetString(), nature.GetProperty("quantised")[0].GetProperty("weights").GetInt32(), nature.GetProperty("quantised")[0].GetProperty("scales").GetInt32()));
        Assert.Contains("quantised: GPTQ, 1 weight, 1 scale, 2 other tensors", ExpoProcess.Run("inspect", place.Base).Output, StringComparison.Ordinal);
    }

    private void WritePairThatDiffersInItsConfiguration()
    {
        Write(place.Base, ("w", "BF16", [4, 8]));
        Write(place.Aligned, ("w", "BF16", [4, 8]), ("visual.w", "BF16", [4, 8]));
        File.WriteAllText(Path.Join(place.Base, "config.json"), """{"rope_theta": 10000.0}""");
        File.WriteAllText(Path.Join(place.Aligned, "config.json"), """{"rope_theta": 500000.0}""");
    }

    private static void Write(string directory, params (string Name, string Dtype, int[] Shape)[] tensors)
    {
        Directory.CreateDirectory(directory);
        var header = new Dictionary<string, object>();
        int end = 0;
        foreach ((string name, string dtype, int[] shape) in tensors)
        {
            int begin = end;
            end += shape.Aggregate(1, (count, extent) => count * extent) * (dtype switch { "F8_E4M3" => 1, "BF16" or "F16" => 2, _ => 4 });
            header[name] = new Dictionary<string, object> { ["dtype"] = dtype, ["shape"] = shape, ["data_offsets"] = new[] { begin, end } };
        }

        byte[] json = Encoding.UTF8.GetBytes(JsonSerializer.Serialize(header));
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        File.WriteAllBytes(Path.Join(directory, "model.safetensors"), [.. length, .. json, .. new byte[end]]);
    }
}
