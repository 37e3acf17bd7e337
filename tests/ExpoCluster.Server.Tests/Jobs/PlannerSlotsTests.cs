using ExpoCluster.Server.Jobs;

namespace ExpoCluster.Server.Tests.Jobs;

public sealed class PlannerSlotsTests : IDisposable
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(5);

    private readonly ManualResetEventSlim answer = new();
    private readonly SteppedClock clock = new();

    public void Dispose() => answer.Dispose();

    [Fact]
    public async Task A_plan_is_given_back_and_its_slot_too()
    {
        using var slots = new PlannerSlots(1, Long, clock);

        for (int number = 0; number < 3; number++)
        {
            Assert.Equal(number, await slots.RunAsync(_ => number, CancellationToken.None));
        }
    }

    [Fact]
    public async Task What_goes_wrong_with_a_plan_is_told_and_its_slot_comes_back()
    {
        using var slots = new PlannerSlots(1, Long, clock);

        await Assert.ThrowsAsync<FormatException>(() => slots.RunAsync<int>(_ => throw new FormatException(), CancellationToken.None));
        Assert.Equal(1, await slots.RunAsync(_ => 1, CancellationToken.None));
    }

    [Fact]
    public async Task A_plan_that_nothing_answers_is_answered_for()
    {
        using var slots = new PlannerSlots(1, Short, clock);

        PlannerException refusal = await Assert.ThrowsAsync<PlannerException>(() => slots.RunAsync(Hang, CancellationToken.None));

        Assert.Equal(PlannerException.TooLong, refusal.Code);
        answer.Set();
    }

    [Fact]
    public async Task A_request_that_finds_no_planner_is_answered_too()
    {
        using var slots = new PlannerSlots(1, Short, clock);
        await Assert.ThrowsAsync<PlannerException>(() => slots.RunAsync(Hang, CancellationToken.None));

        PlannerException refusal = await Assert.ThrowsAsync<PlannerException>(() => slots.RunAsync(_ => 1, CancellationToken.None));

        Assert.Equal(PlannerException.Busy, refusal.Code);
        answer.Set();
    }

    [Fact]
    public async Task A_client_that_goes_ends_its_plan()
    {
        using var slots = new PlannerSlots(1, Long, clock);
        using var client = new CancellationTokenSource();
        var ended = new TaskCompletionSource();

        Task<int> plan = slots.RunAsync<int>(
            token =>
            {
                token.WaitHandle.WaitOne();
                ended.SetResult();
                throw new OperationCanceledException(token);
            },
            client.Token);
        await client.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => plan);
        await ended.Task;
        Assert.Equal(1, await slots.RunAsync(_ => 1, CancellationToken.None));
    }

    [Fact]
    public async Task Planners_that_are_all_stuck_are_a_problem_until_one_comes_back()
    {
        using var slots = new PlannerSlots(2, Short, clock);
        await Assert.ThrowsAsync<PlannerException>(() => slots.RunAsync(Hang, CancellationToken.None));
        clock.Advance(TimeSpan.FromSeconds(30));
        Assert.Null(slots.Problem);

        await Assert.ThrowsAsync<PlannerException>(() => slots.RunAsync(Hang, CancellationToken.None));
        Assert.Null(slots.Problem);
        clock.Advance(TimeSpan.FromSeconds(12));
        Assert.Equal("all 2 planners are stuck: what they read has not answered for 42 s since they were told to stop", slots.Problem);

        answer.Set();
        for (DateTime end = DateTime.UtcNow + Long; slots.Problem is not null && DateTime.UtcNow < end; await Task.Delay(5))
        {
        }

        Assert.Equal(1, await slots.RunAsync(_ => 1, CancellationToken.None));
    }

    // A file that never answers cannot be told to stop.
    private int Hang(CancellationToken cancellation)
    {
        answer.Wait(CancellationToken.None);
        return 0;
    }
}
