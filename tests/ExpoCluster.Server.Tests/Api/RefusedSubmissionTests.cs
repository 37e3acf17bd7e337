using System.Net;
using System.Text.Json.Nodes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Server.Jobs;

namespace ExpoCluster.Server.Tests.Api;

/// <summary>What is left of submissions that come to nothing.</summary>
public sealed class RefusedSubmissionTests : ApiScene
{
    private const int Rivals = 12;

    public RefusedSubmissionTests() => Pair = new();

    [Fact]
    public async Task Of_many_recipes_for_one_id_at_once_one_gets_it_and_the_others_leave_nothing()
    {
        HttpResponseMessage[] answers = await Task.WhenAll(Enumerable.Range(0, Rivals).Select(number => PostAsync(
            "/api/jobs", $$"""{"id": "once", "base": "base", "aligned": "aligned", "alpha": 0.{{number + 1}}, "out": "runs/{{number}}/out"}""")));

        int winner = Array.FindIndex(answers, answer => answer.StatusCode == HttpStatusCode.Created);
        Assert.Equal(Rivals - 1, answers.Count(answer => answer.StatusCode == HttpStatusCode.Conflict));
        foreach (HttpResponseMessage loser in answers.Where(answer => answer.StatusCode == HttpStatusCode.Conflict))
        {
            Assert.Equal("EXPO3012", (string?)JsonNode.Parse(await loser.Content.ReadAsStringAsync())!["code"]);
        }

        await WatchAsync("once");
        Assert.Equal([$"{winner}"], Directory.EnumerateDirectories(Path.Join(Pair.Root, "runs")).Select(Path.GetFileName));
    }

    [Fact]
    public void A_plan_that_cannot_be_kept_leaves_no_directory()
    {
        // A name that is too long for a file, not for the directories on the way.
        var paths = new OutputPaths(Path.Join(RealPath.Of(Pair.Root), "new", "deeper"));
        var deposit = new PlanDeposit(paths, new string('x', 300), Pair.Plan().Plan);

        Assert.Throws<StorageException>(() => deposit.Make(new Core.Planning.PlanStore()));

        Assert.False(Directory.Exists(Path.Join(Pair.Root, "new")));
    }

    [Fact]
    public void What_is_withdrawn_takes_nobody_elses_files_with_it()
    {
        var paths = new OutputPaths(Path.Join(RealPath.Of(Pair.Root), "new", "deeper"));
        var deposit = new PlanDeposit(paths, "mine", Pair.Plan().Plan);
        deposit.Make(new Core.Planning.PlanStore());
        string other = Path.Join(Pair.Root, "new", "other");
        File.WriteAllText(other, "somebody's");

        deposit.Withdraw();

        Assert.Equal([other], Directory.EnumerateFileSystemEntries(Path.Join(Pair.Root, "new")));
    }

    [Fact]
    public void Somebody_elses_plan_under_the_same_name_stays()
    {
        var paths = new OutputPaths(Path.Join(RealPath.Of(Pair.Root), "new"));
        var deposit = new PlanDeposit(paths, "mine", Pair.Plan().Plan);
        deposit.Make(new Core.Planning.PlanStore());
        File.WriteAllText(paths.Plan("mine"), "another plan");

        deposit.Withdraw();

        Assert.True(File.Exists(paths.Plan("mine")));
    }
}
