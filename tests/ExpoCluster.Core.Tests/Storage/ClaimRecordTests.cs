using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Tests.Storage;

public sealed class ClaimRecordTests : IDisposable
{
    private static readonly ClaimRecord Record = new("job1", "d1g", "host", 42, []);

    private readonly TemporaryDirectory place = new();
    private readonly OutputPaths paths;

    public ClaimRecordTests() => paths = OutputPaths.Of(place.PathOf("out"));

    public void Dispose() => place.Dispose();

    [Fact]
    public void It_holds_the_parts_of_as_many_lanes_as_can_be_asked_for()
    {
        // 256 lanes, each with one part running and one waiting.
        string[] parts = [.. Enumerable.Range(0, 512).Select(part => $"162:{part}")];
        using (OutputClaim claim = OutputClaim.Acquire(paths))
        {
            claim.Write(Record with { InFlight = [.. parts] });
        }

        using OutputClaim next = OutputClaim.Acquire(paths);

        Assert.Equal(parts, next.Previous!.InFlight.ToArray());
    }

    [Fact]
    public void A_short_record_leaves_nothing_of_a_long_one()
    {
        using (OutputClaim claim = OutputClaim.Acquire(paths))
        {
            claim.Write(Record with { InFlight = [.. Enumerable.Range(0, 1000).Select(part => $"0:{part}")] });
            claim.Write(Record with { InFlight = ["0:1"] });
        }

        using OutputClaim next = OutputClaim.Acquire(paths);

        Assert.Equal(["0:1"], next.Previous!.InFlight.ToArray());
    }

    [Fact]
    public void Usually_it_is_one_page_so_that_one_write_replaces_it()
    {
        using OutputClaim claim = OutputClaim.Acquire(paths);

        claim.Write(Record with { InFlight = ["0:1", "0:2"] });

        Assert.Equal(4096, new FileInfo(paths.Claim).Length);
    }

    [Fact]
    public void A_sweep_tells_jobs_apart_whose_names_begin_alike()
    {
        using OutputClaim claim = OutputClaim.Acquire(paths);
        foreach (string job in new[] { "a", "a1", "a-b" })
        {
            Directory.CreateDirectory(paths.Staging(job, 12));
            Directory.CreateDirectory(paths.Prepared(job));
            Directory.CreateDirectory(paths.Replaced(job));
            File.WriteAllText(paths.Plan(job), "x");
        }

        File.WriteAllText(paths.Plan("a") + ".unfinished", "x");
        File.WriteAllText(paths.Journal + "-wal", "x");
        claim.Sweep("a");

        Assert.Equal(
            ["a-12", "a-prepared", "a-replaced", "a.plan.json", "claim", "journal.db-wal"],
            Directory.EnumerateFileSystemEntries(paths.Workspace).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_claim_is_free_again_when_its_holder_is_gone()
    {
        for (int time = 0; time < 3; time++)
        {
            using OutputClaim claim = OutputClaim.Acquire(paths);
            Assert.Throws<JobException>(() => OutputClaim.Acquire(paths));
        }
    }

    [Fact]
    public void Where_the_output_is_a_file_it_cannot_be_claimed()
    {
        place.Write("out", "a file");

        Assert.Equal("EXPO4002", Assert.Throws<StorageException>(() => OutputClaim.Acquire(paths)).Code);
    }
}

public sealed class WorkspaceSweepTests : IDisposable
{
    private readonly TemporaryDirectory place = new();
    private readonly OutputPaths paths;

    public WorkspaceSweepTests() => paths = OutputPaths.Of(place.PathOf("out"));

    public void Dispose() => place.Dispose();

    [Fact]
    public void It_removes_all_stagings_of_the_job_and_the_one_that_may_have_been_begun()
    {
        var files = JobState.Empty
            .Apply(new JobEvent.Submitted("job1", "{}", "/out", Overwrite: false, DateTimeOffset.UnixEpoch))
            .Apply(new JobEvent.Planned("d1g", 1, 1, [new JobFile("one", 5)]))
            .Apply(new JobEvent.StagingCreated(0, 2))
            .Files;
        foreach (int generation in new[] { 1, 2, 3 })
        {
            place.Write($"out/.expocluster/job1-{generation}/one", "x");
        }

        place.Write("out/.expocluster/job1.plan.json", "x");
        place.Write("out/.expocluster/job2-1/one", "x");
        place.Write("out/.expocluster/claim", "x");

        WorkspaceSweep.Remove(paths, "job1", files);

        Assert.Equal(["claim", "job2-1"], Directory.EnumerateFileSystemEntries(paths.Workspace).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void Where_the_output_is_gone_there_is_nothing_left_to_remove() => WorkspaceSweep.Remove(paths, "job1", []);

    [Fact]
    public void Removing_again_changes_nothing()
    {
        place.Write("out/.expocluster/claim", "x");

        WorkspaceSweep.Remove(paths, "job1", []);
        WorkspaceSweep.Remove(paths, "job1", []);

        Assert.True(File.Exists(paths.Claim));
    }
}
