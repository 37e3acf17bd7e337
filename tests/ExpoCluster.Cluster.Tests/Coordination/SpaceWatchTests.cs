using ExpoCluster.Cluster.Coordination;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Cluster.Tests.Coordination;

public sealed class SpaceWatchTests : IDisposable
{
    private const string Job = "job1";
    private const long SideBytes = 700_000_000;

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("expocluster-test-");

    private OutputPaths Output => OutputPaths.Of(directory.FullName);

    public void Dispose() => directory.Delete(recursive: true);

    [Fact]
    public void What_is_published_beside_the_weights_is_needed_too()
    {
        Assert.Equal(1000 + SideBytes, SpaceWatch.NeededBytes(Output, Job, StateWith(new JobSideFiles("", 3, SideBytes))));
    }

    [Fact]
    public void What_is_reserved_is_not_needed_again_but_side_files_are()
    {
        JobState state = StateWith(new JobSideFiles("", 3, SideBytes)).Apply(new JobEvent.StagingCreated(0, 1));
        Directory.CreateDirectory(Output.Staging(Job, 1));
        File.WriteAllText(Output.StagingFile(Job, 1, "a"), "reserved");

        Assert.Equal(SideBytes, SpaceWatch.NeededBytes(Output, Job, state));
    }

    [Fact]
    public void A_job_of_an_earlier_build_keeps_the_room_that_all_had()
    {
        Assert.Equal(1000 + OutputPreflight.WorkspaceBytes, SpaceWatch.NeededBytes(Output, Job, StateWith(null)));
    }

    private static JobState StateWith(JobSideFiles? sideFiles) => JobState.Empty
        .Apply(new JobEvent.Submitted(Job, "{}", "/out", Overwrite: false, DateTimeOffset.UnixEpoch))
        .Apply(new JobEvent.Planned("d1g", 1, PartGrid.PartBytes, [new JobFile("a", 1000)]) { SideFiles = sideFiles });
}
