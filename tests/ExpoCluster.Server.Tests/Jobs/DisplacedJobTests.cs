using ExpoCluster.Client.Jobs;
using ExpoCluster.Client.Problems;
using ExpoCluster.Server.Tests.Api;

namespace ExpoCluster.Server.Tests.Jobs;

/// <summary>What a node does when the place that a job works in is moved away under it.</summary>
public sealed class DisplacedJobTests : ApiScene
{
    public DisplacedJobTests()
    {
        Pair = new();
        Rate = 4 << 20;
    }

    public static TheoryData<string> Places => ["out", "out/.expocluster"];

    [Theory]
    [MemberData(nameof(Places))]
    public async Task It_is_suspended_with_the_reason_and_goes_on_when_all_is_back(string place)
    {
        string elsewhere = Path.Join(Pair.Root, "moved");
        await RunAsync();

        Directory.Move(Path.Join(Pair.Root, place), elsewhere);
        await WatchAsync("job", until: "suspended");
        Job suspended = await Client.ShowAsync("job");
        Directory.Move(elsewhere, Path.Join(Pair.Root, place));
        await Client.ResumeAsync("job");
        await WatchAsync("job", until: "done");

        Assert.Equal("EXPO4010", suspended.Reason!.Code);
        Assert.Equal("done", (await Client.ShowAsync("job")).State);
        Assert.True(Core.Verification.OutputVerifier.Verify(Path.Join(Pair.Root, "out"), wholeFileSha256: false).IsSound);
    }

    [Fact]
    public async Task Resumed_too_early_it_says_so_and_makes_nothing()
    {
        await RunAsync();
        Directory.Move(Path.Join(Pair.Root, "out"), Path.Join(Pair.Root, "moved"));
        await WatchAsync("job", until: "suspended");

        ExpoClusterException refusal = await Assert.ThrowsAsync<ExpoClusterException>(() => Client.ResumeAsync("job"));

        Assert.Equal((409, "EXPO4010"), (refusal.Problem.Status, refusal.Code));
        Assert.False(Directory.Exists(Path.Join(Pair.Root, "out")));
        Assert.Equal("suspended", (await Client.ShowAsync("job")).State);
        Assert.Equal("cancelled", (await Client.CancelAsync("job")).State);
    }

    [Fact]
    public async Task Removed_it_can_be_cancelled_and_the_output_is_free_again()
    {
        await RunAsync();
        Directory.Delete(Path.Join(Pair.Root, "out"), recursive: true);
        await WatchAsync("job", until: "suspended");

        await Client.CancelAsync("job");
        Rate = null;
        await StopAsync();
        await StartAsync();

        Assert.Equal("done", (await FinishedAsync(Recipe(id: "next"))).State);
    }

    private async Task RunAsync()
    {
        await Client.SubmitAsync(Recipe(id: "job"));
        await WatchAsync("job", until: "running");
        // From then on nobody makes anything there, and only a look tells.
        await UntilAsync(() => Client.ShowAsync("job").GetAwaiter().GetResult().Lanes!.Any(lane => lane.BytesDone > 0));
    }
}
