using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Reflection;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Hub;

/// <summary>Asks one question of the Hub and follows its redirects by hand, so that the token goes to the Hub and nobody else.</summary>
internal sealed class HubHttp : IDisposable
{
    private const int MaxRedirects = 8;

    private readonly HubEnvironment environment;
    private readonly HttpMessageInvoker invoker;
    private readonly HubConnection connection;
    private readonly string userAgent;

    public HubHttp(HubEnvironment environment)
    {
        this.environment = environment;
        string version = typeof(HubHttp).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";
        string origin = environment.Origin.Length > 0 ? "; origin/" + Printable.Of(environment.Origin) : "";
        userAgent = $"expocluster/{version.Split('+')[0]}; dotnet/{Environment.Version}{origin}";
        connection = new HubConnection(environment.Endpoint);
        invoker = new HttpMessageInvoker(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            ConnectTimeout = environment.AnswerTimeout,
            ConnectCallback = connection.OpenAsync,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        });
    }

    /// <summary>The answer's status is not judged here.</summary>
    /// <exception cref="HubException">A redirect cannot be followed.</exception>
    /// <exception cref="HttpRequestException">No connection.</exception>
    /// <exception cref="TimeoutException">The answer did not begin in time.</exception>
    public async Task<HubAnswer> AskAsync(HubRequest request, CancellationToken cancellation)
    {
        Uri uri = request.Uri;
        HubHeaders headers = HubHeaders.None;
        for (int hop = 0; hop <= MaxRedirects; hop++)
        {
            HttpResponseMessage response = await SendAsync(uri, request, cancellation).ConfigureAwait(false);
            bool isHub = IsHub(uri);
            headers = isHub ? headers.With(response) : headers;
            if (!IsRedirect(response.StatusCode))
            {
                return new HubAnswer(response, uri, isHub, headers);
            }

            using (response)
            {
                uri = HubRedirect.Target(uri, HubHeaders.Text(response, "Location"), request.Subject);
            }
        }

        throw HubErrors.RedirectRefused(request.Subject, $"more than {MaxRedirects} in a row");
    }

    public void Dispose() => invoker.Dispose();

    private static bool IsRedirect(HttpStatusCode status) =>
        status is HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther
            or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect;

    // Whoever else listens on the Hub's host is not the Hub.
    private bool IsHub(Uri uri) => HubRedirect.IsOfSameOrigin(uri, environment.Endpoint);

    private async Task<HttpResponseMessage> SendAsync(Uri uri, HubRequest request, CancellationToken cancellation)
    {
        using HttpRequestMessage message = MessageOf(uri, request);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timeout.CancelAfter(environment.AnswerTimeout);
        try
        {
            if (!IsHub(uri))
            {
                connection.Check(uri);
            }

            return await invoker.SendAsync(message, timeout.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when ((exception as HubAddressException ?? exception.InnerException) is HubAddressException refusal)
        {
            throw HubErrors.RedirectRefused(request.Subject, refusal.Message);
        }
        catch (OperationCanceledException exception) when (!cancellation.IsCancellationRequested)
        {
            throw new TimeoutException(
                string.Create(CultureInfo.InvariantCulture, $"no answer within {environment.AnswerTimeout.TotalSeconds:0.#} s"), exception);
        }
    }

    private HttpRequestMessage MessageOf(Uri uri, HubRequest request)
    {
        // Compressed, a range would be one of other bytes.
        var message = new HttpRequestMessage(HttpMethod.Get, uri);
        message.Headers.TryAddWithoutValidation("Accept-Encoding", "identity");
        message.Headers.TryAddWithoutValidation("User-Agent", userAgent);
        if (request.End is { } end)
        {
            message.Headers.Range = new RangeHeaderValue(request.Begin, end - 1);
        }

        if (environment.Token is { } token && IsHub(uri))
        {
            message.Headers.TryAddWithoutValidation("Authorization", token.ToHeader());
        }

        return message;
    }
}
