using Microsoft.AspNetCore.Components;

namespace ExpoCluster.Server.Dashboard.Live;

/// <summary>A component that is drawn anew whenever its feed has a new picture.</summary>
public abstract class FeedView : ComponentBase, IDisposable
{
    private IDisposable? watching;
    private object? watched;

    public void Dispose()
    {
        watching?.Dispose();
        OnDispose();
        GC.SuppressFinalize(this);
    }

    protected virtual void OnDispose()
    {
    }

    private protected void Watch<T>(Feed<T> feed)
        where T : class
    {
        if (!ReferenceEquals(feed, watched))
        {
            watching?.Dispose();
            watched = feed;
            watching = feed.Watch(() => _ = InvokeAsync(StateHasChanged));
        }
    }
}
