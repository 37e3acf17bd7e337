using System.Collections.Immutable;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.SideFiles;

namespace ExpoCluster.Core.Tests.SideFiles;

/// <summary>Side files that change between the beginning of a merge and its publishing.</summary>
public sealed class SideFileListTests : IDisposable
{
    private const string Job = "job1";

    private readonly SmallPair pair = new(("model.safetensors", "a", 10));
    private readonly PlannedMerge merge;
    private readonly SideFileList list;

    public SideFileListTests()
    {
        File.WriteAllText(Tokenizer, "a tokenizer");
        merge = pair.Plan();
        list = merge.ListSideFiles()!;
        Directory.CreateDirectory(pair.Output.Workspace);
    }

    private string Tokenizer => Path.Join(pair.Aligned, "tokenizer.json");

    public void Dispose() => pair.Dispose();

    public static TheoryData<string> Changes => ["remove", "cut", "grow", "replace", "rewrite with the length of before"];

    [Theory]
    [MemberData(nameof(Changes))]
    public void What_was_changed_is_not_published_and_with_the_file_put_back_all_is(string change)
    {
        Change(change);

        CheckpointException exception = Assert.Throws<CheckpointException>(() => Prepare());

        Assert.Equal("EXPO1125", exception.Code);
        Assert.Contains(Tokenizer, exception.Message, StringComparison.Ordinal);
        Assert.Contains("expected 11 bytes with digest", exception.Message, StringComparison.Ordinal);
        File.WriteAllText(Tokenizer, "a tokenizer");
        Assert.Equal(["config.json", "tokenizer.json", "README.md", "expocluster.json", "model.safetensors"], Prepare().ToArray());
        Assert.Equal("a tokenizer", File.ReadAllText(Path.Join(pair.Output.Prepared(Job), "tokenizer.json")));
    }

    [Theory]
    [MemberData(nameof(Changes))]
    public void A_merge_that_is_resumed_has_the_side_files_that_it_was_begun_with(string change)
    {
        list.DemandSame(pair.Plan().ListSideFiles()!, pair.Aligned);
        Change(change);

        CheckpointException exception = Assert.Throws<CheckpointException>(() => list.DemandSame(pair.Plan().ListSideFiles()!, pair.Aligned));

        Assert.Equal(("EXPO1125", Tokenizer), (exception.Code, exception.Path));
    }

    [Fact]
    public void What_has_come_since_is_not_published_and_a_later_run_would_have_to_be_told()
    {
        string added = Path.Join(pair.Aligned, "added.json");
        File.WriteAllText(added, "{}");

        Assert.DoesNotContain("added.json", Prepare());
        CheckpointException exception = Assert.Throws<CheckpointException>(() => list.DemandSame(pair.Plan().ListSideFiles()!, pair.Aligned));
        Assert.Equal((added, "no such file"), (exception.Path, exception.Expected));
    }

    [Fact]
    public void A_file_that_changes_between_plan_and_list_is_an_error()
    {
        File.Delete(Tokenizer);

        Assert.Equal("EXPO1125", Assert.Throws<CheckpointException>(() => merge.ListSideFiles()).Code);
    }

    [Fact]
    public void The_list_is_read_back_and_another_one_is_not_taken_for_it()
    {
        string path = pair.Output.SideFileList(Job);
        list.Save(path);

        Assert.Equal(list.Files.AsEnumerable(), SideFileList.Load(path, list.Digest).Files);
        File.AppendAllText(path, " ");
        Assert.Equal("EXPO3005", Assert.Throws<JobException>(() => SideFileList.Load(path, list.Digest)).Code);
        File.Delete(path);
        Assert.Equal("EXPO3005", Assert.Throws<JobException>(() => SideFileList.Load(path, list.Digest)).Code);
    }

    [Fact]
    public void The_list_is_stored_as_version_1_wrote_it()
    {
        string path = pair.Output.SideFileList(Job);
        SideFileList.OfRemote([("b/c.jinja", 7), ("a.json", 12)]).Save(path);

        Assert.Equal("""{"format":1,"files":[{"name":"a.json","bytes":12},{"name":"b/c.jinja","bytes":7}]}""", File.ReadAllText(path));
    }

    [Fact]
    public void A_thousand_side_files_are_all_there_whatever_the_order_in_which_they_were_copied()
    {
        string[] names = [.. Enumerable.Range(0, 1000).Select(number => $"extra-{number:0000}.json")];
        foreach (string name in names)
        {
            File.WriteAllText(Path.Join(pair.Aligned, name), name);
        }

        SideFileList many = pair.Plan().ListSideFiles()!;
        ImmutableArray<string> published = Prepare(many);

        Assert.Equal(names, published.Where(name => name.StartsWith("extra-", StringComparison.Ordinal)));
        Assert.All(names, name => Assert.Equal(name, File.ReadAllText(Path.Join(pair.Output.Prepared(Job), name))));
    }

    private ImmutableArray<string> Prepare(SideFileList? listed = null)
    {
        JobState state = JobState.Empty
            .Apply(new JobEvent.Submitted(Job, "{}", pair.Output.Root, Overwrite: false, DateTimeOffset.UnixEpoch))
            .Apply(new JobEvent.Planned(
                merge.Plan.Digest, 1, PartGrid.PartBytes, [.. merge.Plan.Files.Select(file => new JobFile(file.Name, file.ByteLength))]))
            .Apply(new JobEvent.StagingCreated(0, 1))
            .Apply(new JobEvent.PartsCommitted(0, 1, [new CommittedPart(0, new byte[BlockDigest.ByteCount])]))
            .Apply(new JobEvent.FileSealed(0, 1, "d1gest"));
        return new PublishSequence(pair.Output, Job).Prepare(merge.Plan, pair.Recipe, state.Files, "1.0", listed ?? list);
    }

    private void Change(string how)
    {
        switch (how)
        {
            case "remove":
                File.Delete(Tokenizer);
                break;
            case "cut":
                File.WriteAllText(Tokenizer, "a token");
                break;
            case "grow":
                File.AppendAllText(Tokenizer, "!");
                break;
            case "replace":
                File.WriteAllText(Tokenizer + ".new", "another one");
                File.Move(Tokenizer + ".new", Tokenizer, overwrite: true);
                break;
            default:
                DateTime before = File.GetLastWriteTimeUtc(Tokenizer);
                File.WriteAllText(Tokenizer, "A tokenizer");
                File.SetLastWriteTimeUtc(Tokenizer, before);
                break;
        }
    }
}
