namespace ExpoCluster.Core.Hub;

/// <summary>A response, where it came from, and what the Hub said on the way there.</summary>
internal sealed record HubAnswer(HttpResponseMessage Response, Uri Source, bool IsFromHub, HubHeaders Headers) : IDisposable
{
    public int Status => (int)Response.StatusCode;

    public bool IsSuccess => Response.IsSuccessStatusCode;

    public void Dispose() => Response.Dispose();
}
