using System.Collections.Concurrent;
using System.Diagnostics;
using Akka.Actor;
using Akka.Configuration;
using Akka.Event;
using ExpoCluster.Cluster.Hosting;

namespace ExpoCluster.Cluster.Tests.Hosting;

public sealed class DeadlineSchedulerTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly DeadlineScheduler scheduler = new(Config.Empty, NoLogger.Instance);
    private readonly ConcurrentQueue<(int What, TimeSpan After)> ran = new();
    private readonly long began = Stopwatch.GetTimestamp();

    private IActionScheduler Actions => scheduler;

    public void Dispose() => scheduler.Dispose();

    [Fact]
    public void What_is_due_first_runs_first_and_nothing_before_it_is_due()
    {
        Actions.ScheduleOnce(TimeSpan.FromMilliseconds(300), () => Note(300));
        Actions.ScheduleOnce(TimeSpan.FromMilliseconds(100), () => Note(100));
        Actions.ScheduleOnce(TimeSpan.Zero, () => Note(0));
        Actions.ScheduleOnce(TimeSpan.FromMilliseconds(200), () => Note(200));

        WaitFor(4);
        Assert.Equal([0, 100, 200, 300], ran.Select(run => run.What));
        Assert.All(ran, run => Assert.True(run.After >= TimeSpan.FromMilliseconds(run.What), $"{run}"));
    }

    [Fact]
    public void What_repeats_goes_on_until_it_is_cancelled_whatever_it_throws()
    {
        using var end = new Cancelable(Actions);
        Actions.ScheduleRepeatedly(TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(20), () =>
        {
            Note(0);
            throw new InvalidOperationException("its own fault");
        }, end);
        WaitFor(4);

        end.Cancel();
        Thread.Sleep(100);
        int count = ran.Count;
        Thread.Sleep(200);
        Assert.Equal(count, ran.Count);
        TimeSpan[] times = [.. ran.Select(run => run.After)];
        Assert.All(times.Select((time, index) => (time, index)), run => Assert.True(run.time >= TimeSpan.FromMilliseconds(10 + (20 * run.index)), $"{run}"));
    }

    [Fact]
    public void What_repeats_seldom_is_due_at_the_same_moments()
    {
        TimeSpan second = TimeSpan.FromSeconds(1);
        Actions.ScheduleRepeatedly(TimeSpan.FromMilliseconds(10), second, () => Note(1));
        Thread.Sleep(40);
        Actions.ScheduleRepeatedly(TimeSpan.FromMilliseconds(3), second / 2, () => Note(2));

        WaitFor(5);
        TimeSpan first = ran.First(run => run.What == 1).After;
        Assert.Contains(ran, run => run.What == 2 && (run.After - first).Duration() < TimeSpan.FromMilliseconds(20));
    }

    [Fact]
    public void Timers_that_are_started_again_and_again_leave_nothing_behind()
    {
        var memory = new List<WeakReference>();
        for (int i = 0; i < 5000; i++)
        {
            StartAndCancel(memory);
        }

        GC.Collect();
        Assert.InRange(memory.Count(reference => reference.IsAlive), 0, 3000);
    }

    [Fact]
    public void At_the_end_nobody_is_left_waiting_and_nothing_is_taken_any_more()
    {
        Actions.ScheduleOnce(TimeSpan.FromHours(1), () => Note(1));

        scheduler.Dispose();

        Assert.Single(ran);
        Assert.Throws<SchedulerException>(() => Actions.ScheduleOnce(TimeSpan.Zero, () => Note(2)));
    }

    private void StartAndCancel(List<WeakReference> memory)
    {
        object held = new byte[10];
        memory.Add(new WeakReference(held));
        var end = new Cancelable(Actions);
        Actions.ScheduleOnce(TimeSpan.FromHours(1), () => GC.KeepAlive(held), end);
        end.Cancel();
    }

    private void Note(int what) => ran.Enqueue((what, Stopwatch.GetElapsedTime(began)));

    private void WaitFor(int count) => Assert.True(SpinWait.SpinUntil(() => ran.Count >= count, Patience), $"{ran.Count} of {count}");
}
