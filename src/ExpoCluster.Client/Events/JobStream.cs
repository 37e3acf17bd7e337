using System.Globalization;
using System.Net;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Client.Problems;

namespace ExpoCluster.Client.Events;

/// <summary>One job's event stream over as many connections as it takes.</summary>
internal sealed class JobStream(HttpClient http, string url, ExpoClusterClient client)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    private long last;

    public async IAsyncEnumerable<JobNews> ReadAsync(long after, [EnumeratorCancellation] CancellationToken cancellation)
    {
        last = after;
        var away = new Absence(client.ReconnectPatience);
        while (true)
        {
            using (HttpResponseMessage? response = await ConnectAsync(away, cancellation).ConfigureAwait(false))
            {
                if (response is { StatusCode: HttpStatusCode.NoContent })
                {
                    // There is nothing more to come.
                    yield break;
                }

                await foreach (JobNews news in ReadAsync(response, away, cancellation).ConfigureAwait(false))
                {
                    yield return news;
                    if (news is JobNews.StateChanged { Change: { } change } && JobStates.HasEnded(change.State))
                    {
                        yield break;
                    }
                }
            }

            await Task.Delay(Pause, cancellation).ConfigureAwait(false);
        }
    }

    // Null when it did not work and may be tried again.
    private async Task<HttpResponseMessage?> ConnectAsync(Absence away, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(client.SilencePatience);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(http.BaseAddress!, url));
        request.Headers.Accept.ParseAdd("text/event-stream");
        if (last > 0)
        {
            request.Headers.Add("Last-Event-ID", last.ToString(CultureInfo.InvariantCulture));
        }

        try
        {
            return await client.OpenAsync(request, patience.Token).ConfigureAwait(false);
        }
        catch (ExpoClusterException failure) when (MayPass(failure))
        {
            away.Note(failure);
            return null;
        }
        catch (OperationCanceledException exception) when (!cancellation.IsCancellationRequested)
        {
            away.Note(ExpoClusterException.NotReached(client.Server, exception));
            return null;
        }
    }

    // A node that is just leaving, or a proxy before one that starts.
    private static bool MayPass(ExpoClusterException failure) =>
        failure.Code == ExpoClusterException.Unreachable || failure.Problem.Status is 502 or 503 or 504;

    private async IAsyncEnumerable<JobNews> ReadAsync(
        HttpResponseMessage? response, Absence away, [EnumeratorCancellation] CancellationToken cancellation)
    {
        if (response is null)
        {
            yield break;
        }

        Stream body = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        await using ImpatientStream stream = new(body, client.SilencePatience);
        SseParser<JobNews?> parser = SseParser.Create(stream, Parse);
        await using IAsyncEnumerator<SseItem<JobNews?>> items = parser.EnumerateAsync(cancellation).GetAsyncEnumerator(cancellation);
        while (await NextAsync(items, away, cancellation).ConfigureAwait(false))
        {
            away.End();
            if (items.Current.Data is JobNews.StateChanged { Change: { } change })
            {
                if (change.Sequence <= last)
                {
                    continue;
                }

                last = change.Sequence;
            }

            if (items.Current.Data is { } news)
            {
                yield return news;
            }
        }
    }

    private async Task<bool> NextAsync(IAsyncEnumerator<SseItem<JobNews?>> items, Absence away, CancellationToken cancellation)
    {
        try
        {
            return await items.MoveNextAsync().ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is IOException or HttpRequestException or TimeoutException && !cancellation.IsCancellationRequested)
        {
            away.Note(ExpoClusterException.NotReached(client.Server, exception));
            return false;
        }
        catch (JsonException exception)
        {
            throw ExpoClusterException.NotUnderstood(new Uri(http.BaseAddress!, url), (int)HttpStatusCode.OK, exception);
        }
    }

    // Events of a name that this version does not know are passed over.
    private static JobNews? Parse(string name, ReadOnlySpan<byte> data) => name switch
    {
        JobNewsNames.State => new JobNews.StateChanged(Answers.Read(data, ContractJson.Default.JobStateChange)),
        JobNewsNames.Progress => new JobNews.Progressed(Answers.Read(data, ContractJson.Default.Job)),
        _ => null,
    };

    /// <summary>How long nothing has been heard.</summary>
    private sealed class Absence(TimeSpan patience)
    {
        private long? since;

        public void End() => since = null;

        public void Note(ExpoClusterException failure)
        {
            since ??= TimeProvider.System.GetTimestamp();
            if (TimeProvider.System.GetElapsedTime(since.Value) > patience)
            {
                throw failure;
            }
        }
    }
}
