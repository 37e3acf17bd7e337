using System.Collections.Immutable;
using System.Text.Json;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Statistics;

namespace ExpoCluster.Core.Tests.Publishing;

public sealed class PublishSequenceTests : IDisposable
{
    private const string Job = "job1";

    private readonly SmallPair pair = new(("model-00001-of-00002.safetensors", "a", 10), ("model-00002-of-00002.safetensors", "b", 10));
    private readonly PlannedMerge merge;

    public PublishSequenceTests() => merge = pair.Plan();

    public void Dispose() => pair.Dispose();

    [Fact]
    public void Side_files_come_first_then_weights_and_the_entry_point_last()
    {
        ImmutableArray<string> names = Prepare();

        Assert.Equal(
            [
                "config.json", "README.md", "expocluster.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
                "model.safetensors.index.json",
            ],
            names.ToArray());
        Assert.Empty(Directory.EnumerateFiles(pair.Output.Root));
    }

    [Fact]
    public void Everything_appears_under_its_name_and_says_where_it_comes_from()
    {
        Publish(Prepare(), overwrite: false);

        using JsonDocument index = JsonDocument.Parse(File.ReadAllText(pair.Output.Published("model.safetensors.index.json")));
        Assert.Equal("model-00002-of-00002.safetensors", index.RootElement.GetProperty("weight_map").GetProperty("b").GetString());
        Assert.Equal(80, index.RootElement.GetProperty("metadata").GetProperty("total_size").GetInt32());
        Provenance provenance = Provenance.ReadFrom(pair.Output)!;
        Assert.Equal(merge.Plan.Digest, provenance.PlanDigest);
        Assert.Equal("first", StagedText.Read(pair.Output.Published("model-00001-of-00002.safetensors")));
    }

    [Fact]
    public void Preparing_and_publishing_again_changes_nothing()
    {
        Prepare();
        ImmutableArray<string> names = Prepare();
        Publish(names, overwrite: true);
        SortedDictionary<string, string> before = Content();

        Publish(names, overwrite: true);

        Assert.Equal(before, Content());
    }

    [Fact]
    public void Two_runs_of_one_plan_publish_the_same_bytes()
    {
        Publish(Prepare(), overwrite: false);
        SortedDictionary<string, string> first = Content();
        Directory.Delete(pair.Output.Root, recursive: true);

        Publish(Prepare(), overwrite: false);

        Assert.Equal(first, Content());
    }

    [Theory]
    [InlineData("single")]
    [InlineData("sharded")]
    [InlineData("torch")]
    public void An_older_model_moves_away_and_what_is_no_model_stays(string older)
    {
        WriteOlder(older);
        File.WriteAllText(pair.Output.Published("holiday.jpg"), "mine");

        Publish(Prepare(), overwrite: true);

        Assert.Equal(
            [
                "README.md", "config.json", "expocluster.json", "holiday.jpg", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
                "model.safetensors.index.json",
            ],
            Content().Keys);
        Assert.Equal("first", StagedText.Read(pair.Output.Published("model-00001-of-00002.safetensors")));
    }

    [Theory]
    [InlineData("single")]
    [InlineData("sharded")]
    [InlineData("torch")]
    public void Broken_off_after_any_rename_a_loader_sees_one_model_and_the_next_run_finishes(string older)
    {
        SortedDictionary<string, string>? final = null;
        int renames = 0;
        for (int last = 0; ; last++)
        {
            Directory.CreateDirectory(pair.Output.Root);
            Directory.Delete(pair.Output.Root, recursive: true);
            WriteOlder(older);
            SortedDictionary<string, string> before = Content();
            ImmutableArray<string> names = Prepare();
            bool finished = TryPublish(names, renamesAllowed: last);
            AssertLoaderSeesOneModel(before);
            if (!finished)
            {
                renames++;
                Publish(names, overwrite: true);
            }

            final ??= Content();
            Assert.Equal(final, Content());
            if (finished)
            {
                break;
            }
        }

        Assert.True(renames >= 8, $"{renames} renames");
    }

    [Fact]
    public void A_staged_file_that_is_gone_is_an_error_that_names_it()
    {
        ImmutableArray<string> names = Prepare();
        File.Delete(pair.Output.StagingFile(Job, 1, "model-00002-of-00002.safetensors"));

        StorageException exception = Assert.Throws<StorageException>(() => Publish(names, overwrite: false));

        Assert.Equal("EXPO4004", exception.Code);
        Assert.Contains("model-00002-of-00002.safetensors", exception.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(pair.Output.Published("model.safetensors.index.json")));
    }

    private ImmutableArray<string> Prepare()
    {
        Directory.CreateDirectory(pair.Output.Staging(Job, 1));
        StagedText.Write(pair.Output, Job, 1, merge.Plan.Files[0], "first");
        StagedText.Write(pair.Output, Job, 1, merge.Plan.Files[1], "second");
        return new PublishSequence(pair.Output, Job).Prepare(merge.Plan, pair.Recipe, Sealed(), "1.0");
    }

    [Fact]
    public void What_is_published_beside_the_weights_fits_into_the_room_that_was_held_for_it()
    {
        Directory.CreateDirectory(pair.Output.Workspace);
        OutputPreflight.HoldRoom(pair.Output, OutputNeeds.Of(merge));
        long held = new FileInfo(pair.Output.Room).Length;

        Prepare();

        string prepared = pair.Output.Prepared(Job);
        Assert.InRange(Directory.EnumerateFiles(prepared, "*", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length), 1, held);
        Assert.False(File.Exists(pair.Output.Room));
    }

    [Fact]
    public void A_strict_merge_with_results_that_are_no_numbers_writes_nothing_beside_the_weights()
    {
        byte[] statistics = PartStatistics.Encode([new TensorSums(0, new DeltaSums { Elements = 10, NaN = 3 })]);

        NotFiniteException refusal = Assert.Throws<NotFiniteException>(() =>
            new PublishSequence(pair.Output, Job).Prepare(merge.Plan, pair.Recipe with { Strict = true }, Sealed(statistics), "1.0"));

        Assert.Equal("EXPO1230", refusal.Code);
        Assert.Contains("1 tensor: a (3 NaN)", refusal.Message, StringComparison.Ordinal);
        Assert.NotEmpty(new PublishSequence(pair.Output, Job).Prepare(merge.Plan, pair.Recipe, Sealed(statistics), "1.0"));
        Assert.Equal("a", Assert.Single(Prepared().Statistics!.NotFinite!.First).Name);
    }

    private Provenance Prepared()
    {
        string file = Path.Join(pair.Output.Prepared(Job), "expocluster.json");
        File.Copy(file, pair.Output.Published("expocluster.json"));
        return Provenance.ReadFrom(pair.Output)!;
    }

    private void Publish(ImmutableArray<string> names, bool overwrite) =>
        new PublishSequence(pair.Output, Job).Publish(names, overwrite, Sealed());

    private bool TryPublish(ImmutableArray<string> names, int renamesAllowed)
    {
        int left = renamesAllowed;
        var sequence = new PublishSequence(pair.Output, Job, (from, to) =>
        {
            if (left-- == 0)
            {
                throw new BrokenOffException();
            }

            Durability.Rename(from, to);
        });
        try
        {
            sequence.Publish(names, overwrite: true, Sealed());
            return true;
        }
        catch (BrokenOffException)
        {
            return false;
        }
    }

    private ImmutableArray<JobFileState> Sealed(byte[]? statistics = null)
    {
        JobState state = JobState.Empty
            .Apply(new JobEvent.Submitted(Job, "{}", pair.Output.Root, Overwrite: true, DateTimeOffset.UnixEpoch))
            .Apply(new JobEvent.Planned(
                merge.Plan.Digest, 1, PartGrid.PartBytes, [.. merge.Plan.Files.Select(file => new JobFile(file.Name, file.ByteLength))]));
        for (int file = 0; file < 2; file++)
        {
            state = state
                .Apply(new JobEvent.StagingCreated(file, 1))
                .Apply(new JobEvent.PartsCommitted(file, 1, [new CommittedPart(0, new byte[BlockDigest.ByteCount], file == 0 ? statistics ?? [] : [])]))
                .Apply(new JobEvent.FileSealed(file, 1, "d1gest"));
        }

        return state.Files;
    }

    private void WriteOlder(string kind)
    {
        Directory.CreateDirectory(pair.Output.Root);
        string[] names = kind switch
        {
            "single" => ["model.safetensors", "model.safetensors.index.json", "config.json", "vocab.txt"],
            "sharded" => ["model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00003-of-00003.safetensors", "config.json"],
            _ => ["pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch_model-00001-of-00002.bin", "config.json", "expocluster.json"],
        };
        foreach (string name in names)
        {
            string content = name.EndsWith(".index.json", StringComparison.Ordinal)
                ? """{"weight_map": {"a": "model-00001-of-00002.safetensors"}}"""
                : "older " + name;
            File.WriteAllText(pair.Output.Published(name), content);
        }
    }

    // The weights that a loader takes are all of the older model or all of the new one.
    private void AssertLoaderSeesOneModel(SortedDictionary<string, string> older)
    {
        SortedDictionary<string, string> now = Content();
        string? entry = now.Keys.FirstOrDefault(name => name == "model.safetensors")
            ?? now.Keys.FirstOrDefault(name => name == "model.safetensors.index.json")
            ?? now.Keys.FirstOrDefault(SideFileSelection.IsEntryPoint);
        if (entry is null)
        {
            return;
        }

        bool isOlder = older.TryGetValue(entry, out string? content) && content == now[entry];
        string[] weights = [.. now.Keys.Where(name => name.EndsWith(".safetensors", StringComparison.Ordinal))];
        if (isOlder && entry.EndsWith(".safetensors", StringComparison.Ordinal))
        {
            return;
        }

        Assert.All(weights, name => Assert.Equal(isOlder, now[name].StartsWith("older", StringComparison.Ordinal)));
        if (!isOlder)
        {
            Assert.Equal(2, weights.Length);
        }
    }

    private SortedDictionary<string, string> Content() => new(
        Directory.EnumerateFiles(pair.Output.Root).ToDictionary(path => Path.GetFileName(path), File.ReadAllText), StringComparer.Ordinal);

    private sealed class BrokenOffException : Exception;
}
