using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Tests.Storage;

public sealed class OutputClaimTests : IDisposable
{
    private static readonly ClaimRecord Record = new("job1", "d1g", "host", 42, ["0:1", "0:2"]);

    private readonly TemporaryDirectory place = new();
    private readonly OutputPaths paths;

    public OutputClaimTests() => paths = OutputPaths.Of(place.PathOf("out"));

    public void Dispose() => place.Dispose();

    [Fact]
    public void A_second_claim_is_refused_with_the_name_of_the_first()
    {
        using OutputClaim first = OutputClaim.Acquire(paths);
        first.Write(Record);

        JobException exception = Assert.Throws<JobException>(() => OutputClaim.Acquire(paths));

        Assert.Equal("EXPO3001", exception.Code);
        Assert.Contains("job job1 (process 42 on host)", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Freed_it_can_be_taken_and_tells_what_was_under_way()
    {
        using (OutputClaim first = OutputClaim.Acquire(paths))
        {
            Assert.Null(first.Previous);
            first.Write(Record with { InFlight = ["9:9", "9:10", "9:11"] });
            first.Write(Record);
        }

        using OutputClaim second = OutputClaim.Acquire(paths);

        Assert.Equal(("job1", "d1g", 42), (second.Previous!.Job, second.Previous.PlanDigest, second.Previous.Pid));
        Assert.Equal(["0:1", "0:2"], second.Previous.InFlight.ToArray());
    }

    [Fact]
    public void A_record_that_was_cut_short_counts_as_none()
    {
        place.Write("out/.expocluster/claim", """{"job":"job1","plan""");

        using OutputClaim claim = OutputClaim.Acquire(paths);

        Assert.Null(claim.Previous);
    }

    [Fact]
    public void The_workspace_goes_and_with_it_an_output_directory_that_has_nothing_else()
    {
        using (OutputClaim claim = OutputClaim.Acquire(paths))
        {
            Directory.CreateDirectory(paths.Staging("job1", 1));
            File.WriteAllText(paths.StagingFile("job1", 1, "model.safetensors"), "x");
            File.WriteAllText(paths.Journal, "x");
            claim.RemoveWorkspace();
        }

        Assert.False(Directory.Exists(paths.Root));
    }

    [Fact]
    public void What_is_published_stays()
    {
        place.Write("out/model.safetensors", "x");
        using (OutputClaim claim = OutputClaim.Acquire(paths))
        {
            claim.RemoveWorkspace();
        }

        Assert.Equal(["model.safetensors"], Directory.EnumerateFileSystemEntries(paths.Root).Select(Path.GetFileName));
    }

    [Fact]
    public void A_sweep_keeps_what_is_the_jobs_own()
    {
        using OutputClaim claim = OutputClaim.Acquire(paths);
        foreach (string job in new[] { "job1", "old" })
        {
            Directory.CreateDirectory(paths.Staging(job, 1));
            File.WriteAllText(paths.Plan(job), "x");
        }

        File.WriteAllText(paths.Journal, "x");
        claim.Sweep("job1");
        Assert.Equal(["claim", "job1-1", "job1.plan.json", "journal.db"], Entries());

        claim.Sweep(null);
        Assert.Equal(["claim"], Entries());
    }

    private IEnumerable<string?> Entries() => Directory.EnumerateFileSystemEntries(paths.Workspace).Select(Path.GetFileName).Order();
}
