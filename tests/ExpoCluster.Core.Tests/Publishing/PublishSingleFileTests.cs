using System.Collections.Immutable;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Tests.Publishing;

/// <summary>A merge into one weights file, over older models of every kind.</summary>
public sealed class PublishSingleFileTests : IDisposable
{
    private const string Job = "job1";

    private readonly SmallPair pair = new(("model.safetensors", "t", 10));
    private readonly PlannedMerge merge;

    public PublishSingleFileTests()
    {
        Directory.CreateDirectory(Path.Join(pair.Aligned, "additional_chat_templates"));
        File.WriteAllText(Path.Join(pair.Aligned, "additional_chat_templates", "tool.jinja"), "new template");
        File.WriteAllText(Path.Join(pair.Aligned, "tokenizer.json"), "new tokenizer");
        merge = pair.Plan();
    }

    public static TheoryData<string, string[]> OlderModels => new()
    {
        { "single", ["model.safetensors", "tokenizer.json", "vocab.txt", "expocluster.json"] },
        { "sharded", ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json", "tokenizer.json"] },
        { "torch", ["pytorch_model.bin", "tokenizer.model"] },
        { "torch, sharded", ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin", "pytorch_model.bin.index.json"] },
        { "all at once", ["model.safetensors", "model-00001-of-00001.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"] },
    };

    public void Dispose() => pair.Dispose();

    [Fact]
    public void The_weights_are_the_entry_point_and_come_last() =>
        Assert.Equal(
            ["additional_chat_templates/tool.jinja", "config.json", "tokenizer.json", "README.md", "expocluster.json", "model.safetensors"],
            Prepare().ToArray());

    [Theory]
    [MemberData(nameof(OlderModels))]
    public void Broken_off_after_any_rename_weights_and_side_files_are_of_one_model(string kind, string[] older)
    {
        string[] final =
        [
            "README.md", "additional_chat_templates/tool.jinja", "config.json", "expocluster.json", "holiday.jpg", "model.safetensors", "notes/private.md",
            "tokenizer.json",
        ];
        int renames = 0;
        for (bool finished = false; !finished; renames++)
        {
            WriteOlder(older);
            ImmutableArray<string> names = Prepare();

            finished = TryPublish(names, renamesAllowed: renames);

            AssertLoaderSeesOneModel(kind, older, renames);
            new PublishSequence(pair.Output, Job).Publish(names, overwrite: true, Sealed());
            Assert.Equal(final, Names());
            Assert.Equal("new weights", Text("model.safetensors"));
            Assert.Equal("new tokenizer", Text("tokenizer.json"));
            Assert.Equal("new template", Text("additional_chat_templates/tool.jinja"));
            Assert.Equal("mine", Text("notes/private.md"));
        }

        Assert.Equal(older.Length + 6 + 1, renames);
    }

    // What transformers prefers, in its order. Weights of the new model must have all its side files beside them.
    private void AssertLoaderSeesOneModel(string kind, string[] older, int renames)
    {
        string[] order = ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"];
        string? entry = order.FirstOrDefault(name => File.Exists(pair.Output.Published(name)));
        string where = $"{kind}, after {renames} renames";
        if (entry is null)
        {
            return;
        }

        if (Text(entry).StartsWith("older", StringComparison.Ordinal))
        {
            Assert.True(entry == order.First(older.Contains), $"{where}: fell back on {entry}");
            Assert.True(older.Where(name => !order.Contains(name)).All(name => Text(name) == "older " + name), $"{where}: older files are missing");
        }
        else
        {
            Assert.Equal(("model.safetensors", "new weights"), (entry, Text(entry)));
            Assert.Equal(("new tokenizer", "new template"), (Text("tokenizer.json"), Text("additional_chat_templates/tool.jinja")));
            Assert.False(File.Exists(pair.Output.Published("vocab.txt")), where);
        }
    }

    private void WriteOlder(string[] names)
    {
        Directory.CreateDirectory(pair.Output.Root);
        Directory.Delete(pair.Output.Root, recursive: true);
        Directory.CreateDirectory(pair.Output.Published("notes"));
        File.WriteAllText(pair.Output.Published("notes/private.md"), "mine");
        File.WriteAllText(pair.Output.Published("holiday.jpg"), "mine");
        foreach (string name in names)
        {
            File.WriteAllText(pair.Output.Published(name), "older " + name);
        }
    }

    private ImmutableArray<string> Prepare()
    {
        Directory.CreateDirectory(pair.Output.Staging(Job, 3));
        StagedText.Write(pair.Output, Job, 3, merge.Plan.Files[0], "new weights");
        return new PublishSequence(pair.Output, Job).Prepare(merge.Plan, pair.Recipe, Sealed(), "1.0");
    }

    private bool TryPublish(ImmutableArray<string> names, int renamesAllowed)
    {
        int left = renamesAllowed;
        var sequence = new PublishSequence(pair.Output, Job, (from, to) =>
        {
            if (left-- == 0)
            {
                throw new IOException("broken off");
            }

            Durability.Rename(from, to);
        });
        try
        {
            sequence.Publish(names, overwrite: true, Sealed());
            return true;
        }
        catch (IOException exception) when (exception.Message == "broken off")
        {
            return false;
        }
    }

    private ImmutableArray<JobFileState> Sealed() => JobState.Empty
        .Apply(new JobEvent.Submitted(Job, "{}", pair.Output.Root, Overwrite: true, DateTimeOffset.UnixEpoch))
        .Apply(new JobEvent.Planned(merge.Plan.Digest, 1, PartGrid.PartBytes, [new JobFile("model.safetensors", merge.Plan.Files[0].ByteLength)]))
        .Apply(new JobEvent.StagingCreated(0, 3))
        .Apply(new JobEvent.PartsCommitted(0, 3, [new CommittedPart(0, new byte[BlockDigest.ByteCount])]))
        .Apply(new JobEvent.FileSealed(0, 3, "d1gest"))
        .Files;

    private string Text(string name) => StagedText.Read(pair.Output.Published(name));

    private IEnumerable<string> Names() => Directory
        .EnumerateFiles(pair.Output.Root, "*", SearchOption.AllDirectories)
        .Select(path => Path.GetRelativePath(pair.Output.Root, path))
        .Where(name => !name.StartsWith(OutputPaths.WorkspaceName, StringComparison.Ordinal))
        .Order(StringComparer.Ordinal);
}
