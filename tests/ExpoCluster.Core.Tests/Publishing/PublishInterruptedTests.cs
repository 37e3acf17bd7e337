using System.Collections.Immutable;
using System.Text.Json;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Tests.Publishing;

/// <summary>New models of one file and of two replace older ones of every kind, broken off twice, seen through a loader's eyes.</summary>
public sealed class PublishInterruptedTests
{
    private const string Job = "job1";

    private static readonly (string, string, long)[] OneFile = [("model.safetensors", "a", 10)];
    private static readonly (string, string, long)[] TwoFiles =
        [("model-00001-of-00002.safetensors", "a", 10), ("model-00002-of-00002.safetensors", "b", 10)];

    [Theory]
    [InlineData(1, "nothing")]
    [InlineData(1, "single")]
    [InlineData(1, "sharded")]
    [InlineData(1, "torch")]
    [InlineData(1, "torch sharded")]
    [InlineData(1, "everything")]
    [InlineData(2, "nothing")]
    [InlineData(2, "single")]
    [InlineData(2, "sharded")]
    [InlineData(2, "torch")]
    [InlineData(2, "torch sharded")]
    [InlineData(2, "everything")]
    public void Broken_off_anywhere_and_again_a_loader_sees_the_older_model_none_or_the_new_one(int files, string older)
    {
        using var pair = new SmallPair(files == 1 ? OneFile : TwoFiles);
        PlannedMerge merge = pair.Plan();
        ImmutableArray<string> names = Prepare(pair, merge);
        string prepared = Path.Join(pair.Root, "prepared");
        Directory.Move(pair.Output.Workspace, prepared);
        string whole = NewModel(merge);
        string[]? final = null;
        for (int first = 0; ; first++)
        {
            for (int second = 0; ; second++)
            {
                WriteOlder(pair.Output, older);
                string? before = Load(pair.Output);
                Copy(prepared, pair.Output.Workspace);

                bool finished = TryPublish(pair, merge, names, first);
                AssertOneModel(pair.Output, before, whole);
                bool finishedThen = TryPublish(pair, merge, names, second);
                AssertOneModel(pair.Output, before, whole);
                TryPublish(pair, merge, names, renames: int.MaxValue);

                Assert.Equal(whole, Load(pair.Output));
                string[] now = Entries(pair.Output);
                final ??= now;
                Assert.Equal(final, now);
                if (finished)
                {
                    return;
                }

                if (finishedThen)
                {
                    break;
                }
            }
        }
    }

    [Fact]
    public void What_is_no_part_of_a_model_is_left_where_it_is()
    {
        using var pair = new SmallPair(OneFile);
        PlannedMerge merge = pair.Plan();
        WriteOlder(pair.Output, "sharded");
        File.WriteAllText(pair.Output.Published("optimizer.pt"), "mine");
        File.WriteAllText(pair.Output.Published(".gitattributes"), "mine");
        Directory.CreateDirectory(pair.Output.Published("runs"));
        File.WriteAllText(pair.Output.Published("runs/model.safetensors"), "mine");

        TryPublish(pair, merge, Prepare(pair, merge), renames: int.MaxValue);

        Assert.Equal("mine", File.ReadAllText(pair.Output.Published("optimizer.pt")));
        Assert.Equal("mine", File.ReadAllText(pair.Output.Published(".gitattributes")));
        Assert.Equal("mine", File.ReadAllText(pair.Output.Published("runs/model.safetensors")));
    }

    [Fact]
    public void Side_files_of_an_older_model_do_not_stay_beside_the_new_one()
    {
        using var pair = new SmallPair(OneFile);
        PlannedMerge merge = pair.Plan();
        WriteOlder(pair.Output, "single");
        File.WriteAllText(pair.Output.Published("tokenizer.model"), "older");
        File.WriteAllText(pair.Output.Published("chat_template.jinja"), "older");

        TryPublish(pair, merge, Prepare(pair, merge), renames: int.MaxValue);

        Assert.False(File.Exists(pair.Output.Published("tokenizer.model")));
        Assert.False(File.Exists(pair.Output.Published("chat_template.jinja")));
        Assert.DoesNotContain("older", File.ReadAllText(pair.Output.Published("config.json")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_of_one_file_has_no_index_and_its_weights_come_last()
    {
        using var pair = new SmallPair(OneFile);
        PlannedMerge merge = pair.Plan();

        Assert.Equal(["config.json", "README.md", "expocluster.json", "model.safetensors"], Prepare(pair, merge).ToArray());
    }

    [Fact]
    public void Side_files_in_directories_are_published_in_them()
    {
        using var pair = new SmallPair(OneFile);
        Directory.CreateDirectory(Path.Join(pair.Aligned, "additional_chat_templates"));
        File.WriteAllText(Path.Join(pair.Aligned, "additional_chat_templates", "rag.jinja"), "{{ x }}");
        PlannedMerge merge = pair.Plan();

        TryPublish(pair, merge, Prepare(pair, merge), renames: int.MaxValue);

        Assert.Equal("{{ x }}", File.ReadAllText(pair.Output.Published("additional_chat_templates/rag.jinja")));
    }

    [Fact]
    public void The_provenance_says_what_was_read_written_and_published()
    {
        using var pair = new SmallPair(TwoFiles);
        PlannedMerge merge = pair.Plan();
        ImmutableArray<string> names = Prepare(pair, merge);

        TryPublish(pair, merge, names, renames: int.MaxValue);

        Provenance read = Provenance.ReadFrom(pair.Output)!;
        Assert.Equal(names.ToArray(), read.Published.ToArray());
        Assert.Equal(merge.Plan.Inputs.Select(input => input.HeaderDigest), read.Inputs.Select(input => input.HeaderSha256));
        Assert.Equal(merge.Plan.Files.Select(file => file.ByteLength), read.Files.Select(file => file.Bytes));
        Assert.All(read.Files, file => Assert.Equal(BlockDigest.OfFile(file.Bytes, [file.BlockDigests]), file.Digest));
        Assert.Equal(0.5, read.Recipe["alpha"]!.GetValue<double>());
        Assert.Null(read.Recipe["output"]);
    }

    private static ImmutableArray<string> Prepare(SmallPair pair, PlannedMerge merge)
    {
        Directory.CreateDirectory(pair.Output.Staging(Job, 1));
        foreach (PlannedFile file in merge.Plan.Files)
        {
            StagedText.Write(pair.Output, Job, 1, file, "new " + file.Name);
        }

        return new PublishSequence(pair.Output, Job).Prepare(merge.Plan, pair.Recipe, Sealed(merge.Plan), "1.0");
    }

    private static void Copy(string from, string to)
    {
        foreach (string path in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = Path.Join(to, Path.GetRelativePath(from, path));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(path, target);
        }
    }

    private static bool TryPublish(SmallPair pair, PlannedMerge merge, ImmutableArray<string> names, int renames)
    {
        int left = renames;
        var sequence = new PublishSequence(pair.Output, Job, (from, to) =>
        {
            if (left-- == 0)
            {
                throw new BrokenOffException();
            }

            // Without the flushes of Durability.Rename: a test cannot tell, and there are thousands.
            File.Move(from, to, overwrite: true);
        });
        try
        {
            sequence.Publish(names, overwrite: true, Sealed(merge.Plan));
            return true;
        }
        catch (BrokenOffException)
        {
            return false;
        }
    }

    private static ImmutableArray<JobFileState> Sealed(Plan plan)
    {
        JobState state = JobState.Empty
            .Apply(new JobEvent.Submitted(Job, "{}", "/out", Overwrite: true, DateTimeOffset.UnixEpoch))
            .Apply(new JobEvent.Planned(
                plan.Digest, 1, PartGrid.PartBytes, [.. plan.Files.Select(file => new JobFile(file.Name, file.ByteLength))]));
        byte[] digests = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
        for (int file = 0; file < plan.Files.Length; file++)
        {
            state = state
                .Apply(new JobEvent.StagingCreated(file, 1))
                .Apply(new JobEvent.PartsCommitted(file, 1, [new CommittedPart(0, digests)]))
                .Apply(new JobEvent.FileSealed(file, 1, BlockDigest.OfFile(plan.Files[file].ByteLength, [digests])));
        }

        return state.Files;
    }

    private static void WriteOlder(OutputPaths output, string kind)
    {
        if (Directory.Exists(output.Root))
        {
            Directory.Delete(output.Root, recursive: true);
        }

        Directory.CreateDirectory(output.Root);
        string[] names = kind switch
        {
            "nothing" => [],
            "single" => ["model.safetensors", "config.json", "expocluster.json", "README.md"],
            "sharded" => ["model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "config.json"],
            "torch" => ["pytorch_model.bin", "config.json"],
            "torch sharded" => ["pytorch_model.bin.index.json", "pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin", "vocab.txt"],
            _ =>
            [
                "model.safetensors", "model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
                "pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin",
            ],
        };
        foreach (string name in names)
        {
            string ending = name.StartsWith("pytorch", StringComparison.Ordinal) ? "pytorch_model-0000{0}-of-00002.bin" : "model-0000{0}-of-00002.safetensors";
            string shard(int number) => string.Format(System.Globalization.CultureInfo.InvariantCulture, ending, number);
            File.WriteAllText(
                output.Published(name),
                name.EndsWith(".index.json", StringComparison.Ordinal)
                    ? $$"""{"weight_map": { "a": "{{shard(1)}}", "b": "{{shard(2)}}" } }"""
                    : "older " + name);
        }
    }

    private static string NewModel(PlannedMerge merge) => string.Join("|", merge.Plan.Files.Select(file => "new " + file.Name));

    // What transformers does: the single file, the index, and then the same of PyTorch's own format.
    private static string? Load(OutputPaths output)
    {
        foreach (string entry in new[] { "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json" })
        {
            string path = output.Published(entry);
            if (!File.Exists(path))
            {
                continue;
            }

            if (!entry.EndsWith(".json", StringComparison.Ordinal))
            {
                return StagedText.Read(path);
            }

            using JsonDocument index = JsonDocument.Parse(File.ReadAllText(path));
            return string.Join("|", index.RootElement.GetProperty("weight_map").EnumerateObject()
                .Select(tensor => tensor.Value.GetString()!).Distinct()
                .Select(name => File.Exists(output.Published(name)) ? StagedText.Read(output.Published(name)) : "MISSING " + name));
        }

        return null;
    }

    private static void AssertOneModel(OutputPaths output, string? older, string whole)
    {
        string? now = Load(output);
        Assert.True(now is null || now == older || now == whole, $"a loader sees: {now}");
    }

    private static string[] Entries(OutputPaths output) =>
        [.. Directory.EnumerateFiles(output.Root).Select(path => Path.GetFileName(path) + "=" + File.ReadAllText(path)).Order(StringComparer.Ordinal)];

    private sealed class BrokenOffException : Exception;
}
