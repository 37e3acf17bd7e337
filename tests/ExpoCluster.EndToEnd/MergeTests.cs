using System.Text.Json;

namespace ExpoCluster.EndToEnd;

public sealed partial class MergeTests
{
    private static readonly string Mnist = Path.Join(AppContext.BaseDirectory, "Fixtures", "mnist");
    private static readonly string[] MnistPair =
        ["--base", Path.Join(Mnist, "mnist-a"), "--aligned", Path.Join(Mnist, "mnist-b"), "--alpha", "0.3"];

    [Fact]
    public void A_real_pair_equals_what_PyTorch_computed()
    {
        using var place = new Workplace();

        RunResult merge = ExpoProcess.Run(["merge", .. MnistPair, "--out", place.Output, "--on-mismatch", "copy-aligned"]);

        Assert.True(merge.ExitCode == 0, merge.ToString());
        Assert.Equal(
            File.ReadAllBytes(Path.Join(Mnist, "expo-0.3", "model.safetensors")),
            File.ReadAllBytes(Path.Join(place.Output, "model.safetensors")));
        Assert.Contains("norm1.num_batches_tracked, norm2.num_batches_tracked", merge.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Counters_that_differ_are_taken_from_aligned_with_a_note()
    {
        using var place = new Workplace();

        RunResult merge = ExpoProcess.Run(["merge", .. MnistPair, "--out", place.Output]);

        Assert.True(merge.ExitCode == 0, merge.ToString());
        Assert.Contains("2 tensors taken from aligned as they are, because they are buffers and not weights: norm1.num_batches_tracked", merge.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_recipe_can_say_that_they_are_copied()
    {
        using var place = new Workplace();
        string recipe = place.PathOf("recipe.yaml");
        File.WriteAllText(recipe, $"""
            name: mnist-expo
            method: expo
            base: {MnistPair[1]}
            aligned: {MnistPair[3]}
            alpha: 0.3
            on_mismatch: copy_aligned
            """);

        RunResult merge = ExpoProcess.Run("merge", recipe, "--out", place.Output);

        Assert.True(merge.ExitCode == 0, merge.ToString());
        Assert.Equal(
            File.ReadAllBytes(Path.Join(Mnist, "expo-0.3", "model.safetensors")),
            File.ReadAllBytes(Path.Join(place.Output, "model.safetensors")));
    }

    [Fact]
    public void Without_vector_instructions_the_same_bytes_come_out()
    {
        using var place = new Workplace("4MB");
        Assert.Equal(0, ExpoProcess.Run(place.Merge()).ExitCode);
        var scalar = new Dictionary<string, string> { ["DOTNET_EnableHWIntrinsic"] = "0" };

        RunResult merge = ExpoProcess.Run(
            scalar, "merge", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", place.PathOf("scalar"));

        Assert.True(merge.ExitCode == 0, merge.ToString());
        Assert.Equal(Workplace.Digests(place.Output), Workplace.Digests(place.PathOf("scalar")));
    }

    [Fact]
    public void Lanes_rates_and_memory_do_not_change_a_byte()
    {
        using var place = new Workplace("80MB");
        Assert.Equal(0, ExpoProcess.Run(place.Merge("--lanes", "1")).ExitCode);

        RunResult merge = ExpoProcess.Run(
            "merge", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", place.PathOf("other"),
            "--lanes", "5", "--max-rate", "200MB", "--max-memory", "400MB");

        Assert.True(merge.ExitCode == 0, merge.ToString());
        Assert.Equal(Workplace.Digests(place.Output), Workplace.Digests(place.PathOf("other")));
    }

    [Fact]
    public void With_json_standard_output_is_one_object_of_the_contract()
    {
        using var place = new Workplace("4MB");

        JsonElement json = ExpoProcess.Run(place.Merge()).Json;

        Assert.Equal("done", json.GetProperty("status").GetString());
        Assert.Equal(place.Output, json.GetProperty("output")[0].GetString());
        JsonElement parts = json.GetProperty("parts");
        Assert.Equal((1, 1, 0), (parts.GetProperty("total").GetInt32(), parts.GetProperty("computed").GetInt32(), parts.GetProperty("reused").GetInt32()));
        Assert.Equal(new FileInfo(Path.Join(place.Output, "model.safetensors")).Length, json.GetProperty("bytesWritten").GetInt64());
        Assert.True(json.GetProperty("bytesRead").GetInt64() > json.GetProperty("bytesWritten").GetInt64());
        Assert.True(json.GetProperty("seconds").GetDouble() > 0);
        Assert.False(string.IsNullOrEmpty(json.GetProperty("job").GetString()));
    }

    [Fact]
    public void With_json_a_refusal_is_one_object_too()
    {
        RunResult merge = ExpoProcess.Run("merge", "--base", "/nowhere", "--aligned", "/nowhere", "--alpha", "0.3", "--out", "/nowhere/out", "--json");

        Assert.Equal(3, merge.ExitCode);
        Assert.Equal(("failed", "EXPO1101"), (merge.Json.GetProperty("status").GetString(), merge.Json.GetProperty("code").GetString()));
    }

    [Fact]
    public void The_same_command_on_a_finished_output_is_done_at_once()
    {
        using var place = new Workplace("4MB");
        Assert.Equal(0, ExpoProcess.Run(place.Merge()).ExitCode);
        SortedDictionary<string, string> before = Workplace.Digests(place.Output);

        RunResult again = ExpoProcess.Run(place.Merge());

        Assert.Equal(0, again.ExitCode);
        JsonElement parts = again.Json.GetProperty("parts");
        Assert.Equal("done", again.Json.GetProperty("status").GetString());
        Assert.Equal((1, 0, 1), (parts.GetProperty("total").GetInt32(), parts.GetProperty("computed").GetInt32(), parts.GetProperty("reused").GetInt32()));
        Assert.Equal(before, Workplace.Digests(place.Output));
    }

    [Fact]
    public void Another_alpha_on_a_finished_output_needs_overwrite_or_restart()
    {
        using var place = new Workplace("4MB");
        Assert.Equal(0, ExpoProcess.Run(place.Merge()).ExitCode);

        RunResult other = ExpoProcess.Run(place.MergeWith("0.5"));
        Assert.Equal(2, other.ExitCode);
        Assert.Contains("--overwrite", other.Errors, StringComparison.Ordinal);
        Assert.Contains("--restart", other.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Overwrite_replaces_an_older_model_and_leaves_nothing_of_it()
    {
        using var place = new Workplace("40MB");
        string[] sharded = ["merge", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.5", "--out", place.Output, "--max-shard-size", "10MB"];
        Assert.Equal(0, ExpoProcess.Run(sharded).ExitCode);
        File.WriteAllText(Path.Join(place.Output, "old_vocab.txt"), "old");
        File.WriteAllText(Path.Join(place.Output, "notes.pdf"), "mine");
        Assert.True(File.Exists(Path.Join(place.Output, "model.safetensors.index.json")));

        RunResult merge = ExpoProcess.Run(place.Merge("--overwrite"));

        Assert.True(merge.ExitCode == 0, merge.ToString());
        Assert.Equal(
            ["README.md", "config.json", "expocluster.json", "generation_config.json", "model.safetensors", "notes.pdf", "tokenizer_config.json"],
            Workplace.Digests(place.Output).Keys);
        Assert.Equal(0, ExpoProcess.Run("verify", place.Output).ExitCode);
    }

    [Fact]
    public void Somebody_elses_model_is_refused_and_untouched()
    {
        using var place = new Workplace("4MB");
        Directory.CreateDirectory(place.Output);
        File.WriteAllText(Path.Join(place.Output, "pytorch_model.bin"), "somebody else's");
        SortedDictionary<string, string> before = Workplace.Digests(place.Output);

        RunResult merge = ExpoProcess.Run(place.Merge());

        Assert.Equal(2, merge.ExitCode);
        Assert.Contains("EXPO2082", merge.Errors, StringComparison.Ordinal);
        Assert.Equal(before, Workplace.Digests(place.Output));
        Assert.False(Directory.Exists(Path.Join(place.Output, ".expocluster")));
    }

    [Fact]
    public void An_output_whose_record_is_damaged_is_replaced_only_when_asked()
    {
        using var place = new Workplace("4MB");
        Assert.Equal(0, ExpoProcess.Run(place.Merge()).ExitCode);
        File.WriteAllText(Path.Join(place.Output, "expocluster.json"), "garbage");

        Assert.Equal(2, ExpoProcess.Run(place.Merge()).ExitCode);
        RunResult replaced = ExpoProcess.Run(place.Merge("--overwrite"));

        Assert.True(replaced.ExitCode == 0, replaced.ToString());
        Assert.Equal(0, ExpoProcess.Run("verify", place.Output).ExitCode);
    }

    [Fact]
    public void An_output_that_is_inside_or_around_an_input_is_refused_also_through_links_and_with_overwrite()
    {
        using var place = new Workplace("4MB");
        SortedDictionary<string, string> before = Workplace.Digests(place.Root);
        Directory.CreateSymbolicLink(place.PathOf("link"), place.Aligned);
        Directory.CreateSymbolicLink(place.PathOf("around"), place.Root);
        string[] outputs =
        [
            place.Base, place.Aligned, place.Root, Path.Join(place.Base, "merged"), place.PathOf("link"), Path.Join(place.PathOf("link"), "x"),
            place.PathOf("around"), Path.Join(place.Base, "..", "aligned"),
        ];

        foreach (string output in outputs)
        {
            RunResult merge = ExpoProcess.Run(
                "merge", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", output, "--overwrite");
            Assert.True(merge.ExitCode == 2, output + " " + merge);
            Assert.Contains("EXPO2081", merge.Errors, StringComparison.Ordinal);
        }

        Directory.Delete(place.PathOf("link"));
        Directory.Delete(place.PathOf("around"));
        Assert.Equal(before, Workplace.Digests(place.Root));
    }

    [Fact]
    public void Of_two_merges_into_one_directory_exactly_one_runs()
    {
        using var place = new Workplace("40MB");
        using ExpoProcess first = ExpoProcess.Start(place.Merge("--max-rate", "8MB"));
        while (!first.Errors.Contains("running", StringComparison.Ordinal))
        {
            Thread.Sleep(20);
        }

        long start = TimeProvider.System.GetTimestamp();
        RunResult second = ExpoProcess.Run(place.Merge());

        Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(5));
        Assert.Equal(1, second.ExitCode);
        Assert.Matches(@"EXPO3001: .*job [a-z2-7]{10} \(process " + first.Id, second.Errors);
        RunResult finished = first.Wait();
        Assert.True(finished.ExitCode == 0, finished.ToString());
    }

    [Fact]
    public void It_writes_nothing_but_the_output()
    {
        using var place = new Workplace("4MB");
        string home = Directory.CreateDirectory(place.PathOf("home")).FullName;
        string temporary = Directory.CreateDirectory(place.PathOf("tmp")).FullName;
        var environment = new Dictionary<string, string> { ["HOME"] = home, ["TMPDIR"] = temporary };

        RunResult merge = ExpoProcess.Run(environment, place.Merge());

        Assert.True(merge.ExitCode == 0, merge.ToString());
        Assert.Empty(Directory.EnumerateFileSystemEntries(home));
        Assert.Empty(Directory.EnumerateFileSystemEntries(temporary));
        Assert.Equal(["aligned", "base", "home", "out", "tmp"], Directory.EnumerateDirectories(place.Root).Select(Path.GetFileName).Order());
        Assert.Equal(
            ["README.md", "config.json", "expocluster.json", "generation_config.json", "model.safetensors", "tokenizer_config.json"],
            Workplace.Digests(place.Output).Keys);
    }

    [Fact]
    public void Twenty_thousand_tensors_merge_in_seconds()
    {
        using var place = new Workplace();
        ManyTensors.WritePair(place.Root, count: 20_000, elements: 96);

        RunResult merge = ExpoProcess.Run(place.Merge());

        Assert.True(merge.ExitCode == 0, merge.ToString());
        ManyTensors.AssertMerged(place.Output, count: 20_000, elements: 96);
    }

    [Fact]
    public void A_merge_into_shards_has_an_index_that_names_every_tensor()
    {
        using var place = new Workplace("40MB");

        RunResult merge = ExpoProcess.Run(place.Merge("--max-shard-size", "10MB"));

        Assert.True(merge.ExitCode == 0, merge.ToString());
        using JsonDocument index = JsonDocument.Parse(File.ReadAllText(Path.Join(place.Output, "model.safetensors.index.json")));
        RunResult inspect = ExpoProcess.Run("inspect", place.Output, "--json");
        Assert.Equal(inspect.Json.GetProperty("tensors").GetArrayLength(), index.RootElement.GetProperty("weight_map").EnumerateObject().Count());
        Assert.Equal(
            inspect.Json.GetProperty("tensors").EnumerateArray().Sum(tensor => tensor.GetProperty("bytes").GetInt64()),
            index.RootElement.GetProperty("metadata").GetProperty("total_size").GetInt64());
    }
}
