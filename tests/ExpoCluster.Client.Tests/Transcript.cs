using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace ExpoCluster.Client.Tests;

/// <summary>A server of which every answer is written down beforehand, in order.</summary>
internal sealed class Transcript(params Func<HttpResponseMessage>[] answers) : HttpMessageHandler
{
    private readonly Queue<Func<HttpResponseMessage>> answers = new(answers);

    public List<(string Line, string? LastEventId, string? Authorization, string Body)> Requests { get; } = [];

    public static Func<HttpResponseMessage> Answer(HttpStatusCode status, string mediaType, string body) => () => new HttpResponseMessage(status)
    {
        Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) { Headers = { ContentType = new MediaTypeHeaderValue(mediaType) } },
    };

    public static Func<HttpResponseMessage> Json(string body) => Answer(HttpStatusCode.OK, "application/json", body);

    public static Func<HttpResponseMessage> Events(string body) => Answer(HttpStatusCode.OK, "text/event-stream", body);

    public static HttpResponseMessage Broken() => throw new HttpRequestException("connection refused");

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        Requests.Add((
            $"{request.Method} {request.RequestUri!.PathAndQuery}",
            request.Headers.TryGetValues("Last-Event-ID", out IEnumerable<string>? ids) ? ids.Single() : null,
            request.Headers.Authorization?.ToString(),
            request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken)));
        HttpResponseMessage response = answers.Dequeue()();
        response.RequestMessage = request;
        return response;
    }
}
