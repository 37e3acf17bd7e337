using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ExpoCluster.Client.Events;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Client.Nodes;
using ExpoCluster.Client.Plans;
using ExpoCluster.Client.Problems;
using ExpoCluster.Client.Recipes;

namespace ExpoCluster.Client;

/// <summary>Speaks to a node of a cluster that has the role <c>web</c>. May be used by several threads.</summary>
/// <remarks>Every method throws <see cref="ExpoClusterException"/> when the server refuses, fails or cannot be reached.</remarks>
public sealed class ExpoClusterClient : IDisposable
{
    private static readonly TimeSpan[] SubmitPauses = [TimeSpan.FromMilliseconds(300), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3)];

    private readonly Uri server;
    private readonly HttpClient http;

    /// <param name="server">For example <c>http://localhost:8080</c>.</param>
    /// <param name="token">Of the server's token file; null for a server without authentication.</param>
    /// <param name="transport">Carries the requests; null for the network. It is disposed with the client.</param>
    public ExpoClusterClient(Uri server, string? token = null, HttpMessageHandler? transport = null)
    {
        ArgumentNullException.ThrowIfNull(server);
        this.server = server.AbsoluteUri.EndsWith('/') ? server : new Uri(server.AbsoluteUri + "/");
        http = new HttpClient(transport ?? new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(10) })
        {
            BaseAddress = this.server, Timeout = Timeout.InfiniteTimeSpan,
        };
        http.DefaultRequestHeaders.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
    }

    /// <summary>How long one answer may take; planning opens every file of both checkpoints.</summary>
    public TimeSpan RequestPatience { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long <see cref="WatchAsync"/> tries to find a server again.</summary>
    public TimeSpan ReconnectPatience { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>A job that is silent for so long, heartbeats included, is asked for on a new connection.</summary>
    public TimeSpan SilencePatience { get; init; } = TimeSpan.FromSeconds(45);

    public Uri Server => server;

    public void Dispose() => http.Dispose();

    /// <summary>Submits a job. When a connection breaks, or the server has too much to do, it is submitted again, for that does no harm: a server knows a job by its id, or
    /// without one by its recipe and output.</summary>
    public async Task<SubmittedJob> SubmitAsync(RecipeRequest recipe, CancellationToken cancellation = default)
    {
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                return await SendAsync(HttpMethod.Post, "api/jobs", recipe, ReadSubmittedAsync, cancellation).ConfigureAwait(false);
            }
            catch (ExpoClusterException failure) when (IsPassing(failure) && attempt < SubmitPauses.Length)
            {
                await Task.Delay(SubmitPauses[attempt], cancellation).ConfigureAwait(false);
            }
        }
    }

    // Nobody was reached, or only a node that starts; or there were too many of us.
    private static bool IsPassing(ExpoClusterException failure) =>
        failure.Code is ExpoClusterException.Unreachable or ExpoClusterException.StillStarting || failure.Problem.Status == (int)HttpStatusCode.TooManyRequests;

    /// <summary>What <see cref="SubmitAsync"/> would do.</summary>
    public Task<PlanDescription> PlanAsync(RecipeRequest recipe, CancellationToken cancellation = default) =>
        SendAsync(HttpMethod.Post, "api/plan", recipe, Reading(ContractJson.Default.PlanDescription), cancellation);

    public Task<JobPage> ListAsync(JobQuery query, CancellationToken cancellation = default) =>
        SendAsync(HttpMethod.Get, query.ToUrl(), null, Reading(ContractJson.Default.JobPage), cancellation);

    public Task<Job> ShowAsync(string id, CancellationToken cancellation = default) => SendForJobAsync(HttpMethod.Get, JobUrl(id), cancellation);

    /// <summary>Cancels a job; harmless for one that is cancelled.</summary>
    public Task<Job> CancelAsync(string id, CancellationToken cancellation = default) => SendForJobAsync(HttpMethod.Delete, JobUrl(id), cancellation);

    /// <summary>Lets a suspended or failed job go on; harmless for one that runs.</summary>
    public Task<Job> ResumeAsync(string id, CancellationToken cancellation = default) =>
        SendForJobAsync(HttpMethod.Post, JobUrl(id) + "/resume", cancellation);

    /// <summary>Forgets ended jobs: what is known of them, never what they made. Harmless to repeat.</summary>
    public Task<PrunedJobs> PruneAsync(PruneQuery query, CancellationToken cancellation = default) =>
        SendAsync(HttpMethod.Post, query.ToUrl(), null, Reading(ContractJson.Default.PrunedJobs), cancellation);

    public Task<ClusterStatus> ClusterAsync(CancellationToken cancellation = default) =>
        SendAsync(HttpMethod.Get, "api/cluster", null, Reading(ContractJson.Default.ClusterStatus), cancellation);

    public Task<RecipeList> RecipesAsync(CancellationToken cancellation = default) =>
        SendAsync(HttpMethod.Get, "api/recipes", null, Reading(ContractJson.Default.RecipeList), cancellation);

    /// <summary>What happens to a job, until it has ended. Finds the server again when the connection breaks, and loses no change of state.</summary>
    /// <param name="id">The job's.</param>
    /// <param name="after">The sequence of the last change of state that is known already; 0 for all.</param>
    /// <param name="cancellation">Ends it.</param>
    public IAsyncEnumerable<JobNews> WatchAsync(string id, long after = 0, CancellationToken cancellation = default) =>
        new JobStream(http, JobUrl(id) + "/events", this).ReadAsync(after, cancellation);

    internal async Task<HttpResponseMessage> OpenAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        HttpResponseMessage response;
        try
        {
            response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
        }
        catch (HttpRequestException exception)
        {
            throw ExpoClusterException.NotReached(server, exception);
        }

        if (response.IsSuccessStatusCode)
        {
            return response;
        }

        using (response)
        {
            throw await FailureOfAsync(response, cancellation).ConfigureAwait(false);
        }
    }

    private Task<Job> SendForJobAsync(HttpMethod method, string url, CancellationToken cancellation) =>
        SendAsync(method, url, null, Reading(ContractJson.Default.Job), cancellation);

    private async Task<T> SendAsync<T>(
        HttpMethod method, string url, RecipeRequest? body, Func<HttpResponseMessage, CancellationToken, Task<T>> read, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(RequestPatience);
        using var request = new HttpRequestMessage(method, url);
        if (body is not null)
        {
            request.Content = JsonContent.Create(body, RequestJson.Default.RecipeRequest);
        }

        try
        {
            using HttpResponseMessage response = await OpenAsync(request, patience.Token).ConfigureAwait(false);
            return await read(response, patience.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            throw ExpoClusterException.NotReached(server, exception);
        }
        catch (OperationCanceledException exception) when (!cancellation.IsCancellationRequested)
        {
            throw ExpoClusterException.NotReached(server, new TimeoutException($"no answer within {RequestPatience}", exception));
        }
    }

    private static Func<HttpResponseMessage, CancellationToken, Task<T>> Reading<T>(JsonTypeInfo<T> type)
        where T : class => async (response, cancellation) =>
    {
        try
        {
            return Answers.Checked(await response.Content.ReadFromJsonAsync(type, cancellation).ConfigureAwait(false), type);
        }
        catch (JsonException exception)
        {
            throw ExpoClusterException.NotUnderstood(response.RequestMessage?.RequestUri, (int)response.StatusCode, exception);
        }
    };

    private static async Task<SubmittedJob> ReadSubmittedAsync(HttpResponseMessage response, CancellationToken cancellation) =>
        new(await Reading(ContractJson.Default.Job)(response, cancellation).ConfigureAwait(false), response.StatusCode == HttpStatusCode.Created);

    private static async Task<ExpoClusterException> FailureOfAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        Uri? request = response.RequestMessage?.RequestUri;
        if (response.Content.Headers.ContentType?.MediaType != Problem.MediaType)
        {
            return ExpoClusterException.NotUnderstood(request, (int)response.StatusCode);
        }

        try
        {
            Problem? problem = await response.Content.ReadFromJsonAsync(ContractJson.Default.Problem, cancellation).ConfigureAwait(false);
            return new ExpoClusterException(Answers.Checked(problem, ContractJson.Default.Problem));
        }
        catch (JsonException exception)
        {
            return ExpoClusterException.NotUnderstood(request, (int)response.StatusCode, exception);
        }
    }

    private static string JobUrl(string id) => "api/jobs/" + Uri.EscapeDataString(id);
}
