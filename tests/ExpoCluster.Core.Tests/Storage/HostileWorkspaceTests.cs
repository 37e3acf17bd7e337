using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Tests.Storage;

/// <summary>What somebody else may have put under our names in an output directory, or done to it meanwhile.</summary>
public sealed class HostileWorkspaceTests : IDisposable
{
    private static readonly byte[] Header = [1, 2, 3, 4, 5, 6, 7, 8];

    private readonly TemporaryDirectory place = new();
    private readonly OutputPaths paths;

    public HostileWorkspaceTests() => paths = OutputPaths.Of(place.PathOf("out"));

    private string Staging => paths.StagingFile("job1", 1, "model.safetensors");

    public void Dispose() => place.Dispose();

    [Fact]
    public void A_claim_that_is_a_link_is_refused_and_what_it_leads_to_stays_as_it_is()
    {
        string victim = place.Write("victim", "precious");
        Directory.CreateDirectory(paths.Workspace);
        File.CreateSymbolicLink(paths.Claim, victim);

        Assert.Equal("EXPO4009", Assert.Throws<StorageException>(() => OutputClaim.Acquire(paths)).Code);
        Assert.Equal("precious", File.ReadAllText(victim));
    }

    [Fact]
    public void A_workspace_that_is_a_link_is_refused()
    {
        Directory.CreateDirectory(paths.Root);
        Directory.CreateDirectory(place.PathOf("elsewhere"));
        Directory.CreateSymbolicLink(paths.Workspace, place.PathOf("elsewhere"));

        Assert.Equal("EXPO4009", Assert.Throws<StorageException>(() => OutputClaim.Acquire(paths)).Code);
        Assert.Empty(Directory.EnumerateFileSystemEntries(place.PathOf("elsewhere")));
    }

    [Fact]
    public void A_staging_file_or_directory_that_is_a_link_is_not_written_through()
    {
        string victim = place.Write("victim", "precious");
        Directory.CreateDirectory(paths.Staging("job1", 1));
        File.CreateSymbolicLink(Staging, victim);
        Directory.CreateSymbolicLink(paths.Staging("job1", 2), place.Path);

        Assert.Equal("EXPO4009", Assert.Throws<StorageException>(() => StagingFile.Create(Staging, Header, 100)).Code);
        Assert.Equal("EXPO4009", Assert.Throws<StorageException>(() => StagingFile.Open(Staging)).Code);
        Assert.Equal("EXPO4009", Assert.Throws<StorageException>(
            () => StagingFile.Create(paths.StagingFile("job1", 2, "victim"), Header, 100)).Code);
        Assert.Equal("precious", File.ReadAllText(victim));
    }

    [Fact]
    public void A_link_under_the_name_of_an_unfinished_file_is_not_followed()
    {
        string victim = place.Write("victim", "precious");
        File.CreateSymbolicLink(place.PathOf("plan.json.unfinished"), victim);

        Durability.WriteWhole(place.PathOf("plan.json"), "new"u8);

        Assert.Equal(("precious", "new"), (File.ReadAllText(victim), File.ReadAllText(place.PathOf("plan.json"))));
        Assert.Null(new FileInfo(place.PathOf("plan.json")).LinkTarget);
    }

    [Theory]
    [InlineData("""{"job":"../../x","planDigest":"d","host":"h","pid":1,"inFlight":[]}""")]
    [InlineData("""{"job":null,"planDigest":"d","host":"h","pid":1,"inFlight":[]}""")]
    [InlineData("""{"job":"job1","planDigest":null,"host":"h","pid":1,"inFlight":[]}""")]
    [InlineData("""{"job":"job1","planDigest":"d","host":"h","pid":1}""")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("\0\0\0\0")]
    public void A_record_that_is_none_counts_as_none(string record)
    {
        place.Write("out/.expocluster/claim", record);

        using OutputClaim claim = OutputClaim.Acquire(paths);

        Assert.Null(claim.Previous);
    }

    [Fact]
    public void Of_the_parts_under_way_only_parts_of_the_plan_are_taken()
    {
        var record = new ClaimRecord("job1", "d1g", "host", 42, ["0:1", "x", "", "0:", ":1", "1:2:3", "-1:0", "0:-1", "0:2", "1:0", "99999999999:1", "0: 1"]);

        Assert.Equal([(0, 1), (1, 0)], record.PartsInFlight([2, 1]));
    }

    [Fact]
    public void A_workspace_that_was_moved_removed_or_replaced_is_noticed()
    {
        using OutputClaim claim = OutputClaim.Acquire(paths);
        Assert.Null(claim.FindDisplacement());

        Directory.Move(paths.Root, place.PathOf("moved"));
        Assert.Equal("EXPO4010", claim.FindDisplacement()!.Code);

        place.Write("out/.expocluster/claim", "another");
        Assert.Contains("in its place", claim.FindDisplacement()!.Message, StringComparison.Ordinal);

        Directory.Delete(paths.Root, recursive: true);
        Directory.Move(place.PathOf("moved"), paths.Root);
        Assert.Null(claim.FindDisplacement());
    }

    [Fact]
    public void A_staging_file_that_was_cut_replaced_or_removed_is_noticed()
    {
        StagingFile.Create(Staging, Header, 100_000);
        using StagingFile file = StagingFile.OpenForTiles(Staging);
        file.Demand(100_000);

        using (FileStream cut = File.OpenWrite(Staging))
        {
            cut.SetLength(50_000);
        }

        Assert.Contains("found 50,000", Assert.Throws<StorageException>(() => file.Demand(100_000)).Message, StringComparison.Ordinal);
        StagingFile.Create(Staging, Header, 100_000);
        file.Demand(100_000);

        File.Copy(Staging, Staging + ".copy");
        File.Move(Staging + ".copy", Staging, overwrite: true);
        Assert.Equal("EXPO4010", Assert.Throws<StorageException>(() => file.Demand(100_000)).Code);
        File.Delete(Staging);
        Assert.Equal("EXPO4010", Assert.Throws<StorageException>(() => file.Demand(100_000)).Code);
    }

    [Fact]
    public void An_io_error_is_no_lack_of_space()
    {
        Assert.Equal("EXPO4011", StorageException.FromErrno(5, "/f", "write").Code);
        Assert.Equal("EXPO4011", StorageException.FromErrno(116, "/f", "write").Code);
        Assert.Equal("EXPO4011", StorageException.From(new IOException("Input/output error", 5), "/f", "write").Code);
        Assert.Equal("EXPO4001", StorageException.From(new IOException("No space left on device", 28), "/f", "write").Code);
        Assert.Equal("EXPO4001", StorageException.From(new IOException("Disk quota exceeded", 122), "/f", "write").Code);
        Assert.Equal("EXPO4002", StorageException.From(new UnauthorizedAccessException("no"), "/f", "write").Code);
    }
}
