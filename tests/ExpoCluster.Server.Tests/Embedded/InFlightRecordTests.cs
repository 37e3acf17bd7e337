using ExpoCluster.Core.Storage;
using ExpoCluster.Server.Embedded;

namespace ExpoCluster.Server.Tests.Embedded;

public sealed class InFlightRecordTests : IDisposable
{
    private readonly DirectoryInfo place = Directory.CreateTempSubdirectory("expocluster-test-");

    public void Dispose() => place.Delete(recursive: true);

    [Fact]
    public void Whoever_comes_next_finds_the_parts_of_both()
    {
        Assert.Equal(["0:4", "0:5", "1:0"], LeftBy(record =>
        {
            record.Ahead = [(0, 4), (0, 5)];
            record.Leased = [(0, 5), (1, 0)];
        }));
    }

    [Fact]
    public void What_one_has_finished_the_other_may_still_be_at()
    {
        Assert.Equal(["1:0"], LeftBy(record =>
        {
            record.Leased = [(1, 0)];
            record.Ahead = [(0, 4)];
            record.Ahead = [];
        }));
    }

    [Fact]
    public void After_the_farewell_none_is_left()
    {
        Assert.Empty(LeftBy(record =>
        {
            record.Ahead = [(0, 4)];
            record.Leased = [(0, 5)];
            record.Clear();
        }));
    }

    private string[] LeftBy(Action<InFlightRecord> tell)
    {
        OutputPaths paths = OutputPaths.Of(Path.Join(place.FullName, "out"));
        using (OutputClaim claim = OutputClaim.Acquire(paths))
        {
            tell(new InFlightRecord(claim, new ClaimRecord("job1", "digest", "host", 42, [])));
        }

        using OutputClaim next = OutputClaim.Acquire(paths);
        return [.. next.Previous!.InFlight];
    }
}
