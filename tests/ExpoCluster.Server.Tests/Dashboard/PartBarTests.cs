using ExpoCluster.Server.Dashboard.Live;

namespace ExpoCluster.Server.Tests.Dashboard;

public sealed class PartBarTests
{
    [Fact]
    public void Parts_of_one_stage_in_a_row_are_one_stretch()
    {
        PartBar bar = PartBar.Of([PartStage.Committed, PartStage.Committed, PartStage.Assigned, PartStage.Open]);

        Assert.Equal([new(PartStage.Committed, 2), new(PartStage.Assigned, 1), new(PartStage.Open, 1)], bar.Stretches.AsEnumerable());
    }

    [Fact]
    public void A_file_of_very_many_parts_has_few_stretches_and_shows_what_is_under_way()
    {
        PartStage[] stages = [.. Enumerable.Range(0, 40_000).Select(part => part % 2 == 0 ? PartStage.Committed : PartStage.Open)];
        stages[12_345] = PartStage.Assigned;

        PartBar bar = PartBar.Of(stages);

        Assert.InRange(bar.Stretches.Length, 1, PartBar.MaxCells);
        Assert.Equal(40_000, bar.Stretches.Sum(stretch => stretch.Parts));
        Assert.Contains(bar.Stretches, stretch => stretch.Stage == PartStage.Assigned);
    }
}
