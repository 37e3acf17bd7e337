using ExpoCluster.Server.Dashboard.Live;

namespace ExpoCluster.Server.Tests.Dashboard;

public sealed class FeedTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task However_many_watch_each_picture_is_made_once()
    {
        int looks = 0;
        using var news = new SemaphoreSlim(0);
        using var told = new SemaphoreSlim(0);
        var feed = new Feed<string>(
            async _ =>
            {
                await news.WaitAsync();
                return $"picture {++looks}";
            },
            TimeSpan.Zero);
        List<IDisposable> watchers = [.. Enumerable.Range(0, 10).Select(_ => feed.Watch(() => told.Release()))];

        for (int picture = 1; picture <= 3; picture++)
        {
            news.Release();
            for (int watcher = 0; watcher < watchers.Count; watcher++)
            {
                Assert.True(await told.WaitAsync(Patience));
            }

            Assert.Equal(($"picture {picture}", picture), (feed.Latest, looks));
        }

        watchers.ForEach(watcher => watcher.Dispose());
        Assert.False(feed.IsWatched);
    }

    [Fact]
    public async Task A_look_that_fails_leaves_the_last_picture_and_says_why()
    {
        var feed = new Feed<string>(
            before => before is null ? Task.FromResult("first") : throw new Core.Jobs.JobException("EXPO3001", "it is gone", "nothing"), TimeSpan.FromMilliseconds(1));
        var troubled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using IDisposable watcher = feed.Watch(() =>
        {
            if (feed.Trouble is not null)
            {
                troubled.TrySetResult();
            }
        });

        await troubled.Task.WaitAsync(Patience);

        Assert.Equal(("first", "it is gone"), (feed.Latest, feed.Trouble));
    }
}
