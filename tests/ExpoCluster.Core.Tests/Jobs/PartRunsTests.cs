using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Core.Tests.Jobs;

public sealed class PartRunsTests
{
    [Fact]
    public void It_holds_what_a_set_would_hold()
    {
        for (int seed = 0; seed < 50; seed++)
        {
            var random = new Random(seed);
            var runs = new PartRuns();
            var set = new SortedSet<int>();
            for (int step = 0; step < 500; step++)
            {
                int part = random.Next(40);
                bool adds = random.Next(2) == 0;
                Assert.Equal(adds ? set.Add(part) : set.Remove(part), adds ? runs.Add(part) : runs.Remove(part));
                Assert.Equal(set, Enumerable.Range(-1, 42).Where(runs.Contains));
                Assert.Equal(set.Count, runs.Count);
                Assert.Equal(set.Count > 0 ? set.Min : -1, runs.Count > 0 ? runs.Min : -1);
                if (runs.Count > 0)
                {
                    Assert.Contains(runs.FindStart(_ => random.Next(2) == 0), set);
                }
            }
        }
    }

    [Fact]
    public void Whoever_comes_new_begins_where_nobody_reads_or_halves_what_somebody_reads()
    {
        var runs = new PartRuns();
        foreach (int part in Enumerable.Range(0, 100).Concat(Enumerable.Range(200, 60)))
        {
            runs.Add(part);
        }

        Assert.Equal(0, runs.FindStart(_ => false));
        Assert.Equal(200, runs.FindStart(begin => begin == 0));
        Assert.Equal(50, runs.FindStart(_ => true));
    }

    [Fact]
    public void The_last_part_that_somebody_would_read_next_is_given_away_too()
    {
        var runs = new PartRuns();
        runs.Add(7);

        Assert.Equal(7, runs.FindStart(_ => true));
    }
}
