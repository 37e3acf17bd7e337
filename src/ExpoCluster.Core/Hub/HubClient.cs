using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Hub;

/// <summary>Speaks the Hub's protocol: what a revision means, which files a commit has, and their bytes.</summary>
public sealed partial class HubClient : IDisposable
{
    private const int MaxAnswerBytes = 1 << 20;

    private static readonly TimeSpan NoticedWait = TimeSpan.FromSeconds(4);

    private readonly HubHttp http;
    private readonly TimeProvider clock;
    private readonly HubLocations locations;
    private long bytesReceived;
    private long requests;
    private int waits;

    /// <param name="environment">Endpoint, token and timeouts.</param>
    /// <param name="clock">For waits between attempts and the age of what is remembered.</param>
    public HubClient(HubEnvironment environment, TimeProvider clock)
    {
        Environment = environment;
        this.clock = clock;
        http = new HubHttp(environment);
        locations = new HubLocations(clock);
    }

    public HubEnvironment Environment { get; }

    internal TimeProvider Clock => clock;

    /// <summary>Told when the Hub makes us wait for longer than one would put up with silently.</summary>
    public Action<string>? Notice { get; set; }

    /// <summary>Bytes of files received so far.</summary>
    public long BytesReceived => Interlocked.Read(ref bytesReceived);

    /// <summary>Somebody waits before asking again, as the Hub said or as is fit after a failure.</summary>
    public bool IsWaiting => Volatile.Read(ref waits) > 0;

    /// <summary>Questions asked so far.</summary>
    public long Requests => Interlocked.Read(ref requests);

    /// <summary>The commit that a branch or tag means now.</summary>
    /// <param name="reference">The model and its revision.</param>
    /// <param name="retries">How often to ask again; 0 where a cached answer is at hand.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="HubException">There is no such model or revision, or the Hub cannot say.</exception>
    public async Task<HubCommit> ResolveAsync(HubReference reference, int retries, CancellationToken cancellation)
    {
        var request = new HubRequest(
            At($"/api/models/{reference.Repository}/revision/{Uri.EscapeDataString(reference.RevisionOrDefault)}"),
            reference.ToString(),
            reference.Repository);
        byte[] body = await ReadBodyAsync(request, retries, cancellation).ConfigureAwait(false);
        string? sha = ShaIn(body);
        return sha is not null && HubCommit.IsSha(sha)
            ? new HubCommit(reference.Repository, sha)
            : throw HubErrors.NotUnderstood(reference.ToString(), "the answer names no commit");
    }

    /// <summary>All files of a commit.</summary>
    public async Task<HubListing> ListAsync(HubCommit commit, CancellationToken cancellation)
    {
        var pages = new HubListingPages(commit, clock);
        Uri? page = At($"/api/models/{commit.Repository}/tree/{commit.Sha}?recursive=true&expand=false");
        while (page is not null)
        {
            pages.Begin(page);
            using HubAnswer answer = await AskAsync(new HubRequest(page, commit.ToString(), commit.Repository), HubWaits.MaxRetries, cancellation).ConfigureAwait(false);
            pages.Add(await BodyOfAsync(answer, commit.ToString(), pages.BytesLeft, cancellation).ConfigureAwait(false));
            page = NextPage(answer, commit.ToString());
        }

        return pages.ToListing();
    }

    /// <summary>The bytes [<paramref name="begin"/>, <paramref name="end"/>) of a file, fetched as they are read.</summary>
    public HubStream Open(HubFile file, long begin, long end) => new(this, file, begin, end);

    /// <summary>A whole file that is known to be small.</summary>
    public async Task<byte[]> ReadAsync(HubFile file, CancellationToken cancellation)
    {
        byte[] content = new byte[file.ByteLength];
        await using HubStream stream = Open(file, 0, file.ByteLength);
        await stream.ReadExactlyAsync(content, cancellation).ConfigureAwait(false);
        string digest = HubDigest.Of(content, file);
        return digest == file.Etag ? content : throw HubErrors.DigestDiffers(file, digest);
    }

    public void Dispose() => http.Dispose();

    /// <summary>Opens a range, or what the server makes of one.</summary>
    internal async Task<HubRange> OpenRangeAsync(HubFile file, long begin, long end, CancellationToken cancellation)
    {
        HubRequest request = new(Resolve(file), file.Name, file.Commit.Repository, begin, end);
        if (locations.Find(file) is { } known)
        {
            HubAnswer direct = await AskOnceAsync(request with { Uri = known }, cancellation).ConfigureAwait(false);
            if (direct.IsSuccess)
            {
                return Checked(direct, file, begin, end);
            }

            // The signature has run out, or the storage has trouble: the Hub knows another way.
            direct.Dispose();
            locations.Forget(file);
        }

        HubAnswer answer = await AskAsync(request, HubWaits.MaxRetries, cancellation).ConfigureAwait(false);
        HubRange range = Checked(answer, file, begin, end, isOffer: true);
        if (!answer.IsFromHub)
        {
            locations.Keep(file, answer.Source);
        }

        return range;
    }

    internal void Count(int bytes) => Interlocked.Add(ref bytesReceived, bytes);

    /// <summary>A broken stream says nothing against the way to the file, but another way may be better.</summary>
    internal async Task RecoverAsync(HubFile file, int failures, string why, CancellationToken cancellation)
    {
        locations.Forget(file);
        await WaitAsync(HubWaits.Of(failures), file.Name, why, cancellation).ConfigureAwait(false);
    }

    private static HubRange Checked(HubAnswer answer, HubFile file, long begin, long end, bool isOffer = false)
    {
        try
        {
            if (isOffer)
            {
                HubRange.CheckOffer(answer.Headers, file);
            }

            return HubRange.Of(answer, file, begin, end);
        }
        catch (HubException)
        {
            answer.Dispose();
            throw;
        }
    }

    private static string? ShaIn(byte[] body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            return document.RootElement.GetProperty("sha").GetString();
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            return null;
        }
    }

    private Uri? NextPage(HubAnswer answer, string subject)
    {
        Match match = NextLink().Match(HubHeaders.Text(answer.Response, "Link") ?? "");
        if (!match.Success)
        {
            return null;
        }

        string url = match.Groups["url"].Value;
        bool isOfHub = HubRedirect.TryResolve(answer.Source, url, out Uri? next)
            && (HubRedirect.IsOfSameOrigin(next, Environment.Endpoint) || HubRedirect.IsOfSameOrigin(next, answer.Source));
        return isOfHub ? next : throw HubErrors.NotUnderstood(subject, $"the list of files goes on at '{Printable.Of(url.Split('?')[0])}', which is not of this Hub");
    }

    // What begins anew within brackets is not looked at again and again.
    [GeneratedRegex("""<(?<url>[^<>]*)>\s*;\s*rel="?next"?""")]
    private static partial Regex NextLink();

    private Uri At(string path) => new(Environment.Endpoint.AbsoluteUri.TrimEnd('/') + path);

    private Uri Resolve(HubFile file) => At($"/{file.Commit.Repository}/resolve/{file.Commit.Sha}/{HubPath.Escape(file.Path)}");

    private async Task<byte[]> ReadBodyAsync(HubRequest request, int retries, CancellationToken cancellation)
    {
        using HubAnswer answer = await AskAsync(request, retries, cancellation).ConfigureAwait(false);
        return await BodyOfAsync(answer, request.Subject, MaxAnswerBytes, cancellation).ConfigureAwait(false);
    }

    private async Task<byte[]> BodyOfAsync(HubAnswer answer, string subject, int maxBytes, CancellationToken cancellation)
    {
        if (HubHeaders.Text(answer.Response, "Content-Type") is { } type && type.StartsWith("text/html", StringComparison.OrdinalIgnoreCase))
        {
            throw HubErrors.NotUnderstood(subject, "the answer is a page for people, as of a proxy that wants somebody to sign in");
        }

        try
        {
            return await HubBody.ReadAsync(answer.Response, maxBytes, Environment.ReadTimeout, Environment.BodyTimeout, cancellation).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is IOException or HttpRequestException or TimeoutException)
        {
            throw HubErrors.NotReached(subject, exception.Message, exception);
        }
        catch (InvalidOperationException exception)
        {
            throw HubErrors.NotUnderstood(subject, $"the answer has {exception.Message}", exception);
        }
    }

    // Asks until there is a success, or a refusal that asking again would not change.
    private async Task<HubAnswer> AskAsync(HubRequest request, int retries, CancellationToken cancellation)
    {
        for (int retry = 0; ; retry++)
        {
            TimeSpan wait;
            string why;
            try
            {
                HubAnswer answer = await AskOnceAsync(request, cancellation).ConfigureAwait(false);
                if (answer.IsSuccess)
                {
                    return answer;
                }

                using (answer)
                {
                    HubException fault = await HubFault.OfAsync(answer, request, Environment, cancellation).ConfigureAwait(false);
                    wait = HubWaits.Of(retry, answer.Response);
                    why = fault.Problem;
                    // A storage host that refuses is asked again too, for each time the Hub signs anew.
                    bool mayHelp = HubFault.IsTransient(answer.Status) || !answer.IsFromHub;
                    if (!mayHelp || retry >= retries || wait > HubWaits.Longest)
                    {
                        throw fault;
                    }
                }
            }
            catch (Exception exception) when (exception is HttpRequestException or IOException or TimeoutException)
            {
                wait = HubWaits.Of(retry);
                why = Innermost(exception);
                if (retry >= retries)
                {
                    throw HubErrors.NotReached(request.Subject, why, exception);
                }
            }

            await WaitAsync(wait, request.Subject, why, cancellation).ConfigureAwait(false);
        }
    }

    // The outer message only says that something went wrong.
    private static string Innermost(Exception exception) =>
        exception is TimeoutException ? exception.Message : exception.GetBaseException().Message;

    private Task<HubAnswer> AskOnceAsync(HubRequest request, CancellationToken cancellation)
    {
        if (Environment.IsOffline)
        {
            throw HubErrors.MissingInCache(request.Subject, Environment.CacheDirectory, "HF_HUB_OFFLINE forbids asking the Hub");
        }

        Interlocked.Increment(ref requests);
        return http.AskAsync(request, cancellation);
    }

    // A second or two is nothing that anybody needs to know of.
    private async Task WaitAsync(TimeSpan wait, string subject, string why, CancellationToken cancellation)
    {
        if (wait >= NoticedWait)
        {
            Notice?.Invoke(string.Create(CultureInfo.InvariantCulture, $"{subject}: {why}; asking again in {wait.TotalSeconds:0} s"));
        }

        Interlocked.Increment(ref waits);
        try
        {
            await Task.Delay(wait, clock, cancellation).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref waits);
        }
    }
}
