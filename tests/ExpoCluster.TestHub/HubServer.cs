using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ExpoCluster.TestHub;

/// <summary>A server that speaks the Hub's protocol, and a storage host on another port that large files come from.</summary>
public sealed class HubServer : IAsyncDisposable, IDisposable
{
    private const int DefaultPageSize = 1000;

    private readonly WebApplication application;
    private readonly int hubPort;
    private readonly int storagePort;
    private readonly ConcurrentDictionary<string, TestRepository> repositories = new(StringComparer.Ordinal);
    private readonly List<Fault> faults = [];
    private readonly ConcurrentQueue<Exchange> exchanges = new();
    private int signature = 1;
    private long bytesSent;

    private HubServer(WebApplication application, int hubPort, int storagePort)
    {
        this.application = application;
        this.hubPort = hubPort;
        this.storagePort = storagePort;
    }

    /// <summary>For HF_ENDPOINT.</summary>
    public string Endpoint => string.Create(CultureInfo.InvariantCulture, $"http://localhost:{hubPort}");

    /// <summary>Everything that was asked, in order.</summary>
    public IReadOnlyCollection<Exchange> Exchanges => exchanges;

    /// <summary>Bytes of all bodies of files.</summary>
    public long BytesSent => Interlocked.Read(ref bytesSent);

    /// <summary>Entries of one page of a listing.</summary>
    public int PageSize { get; set; } = DefaultPageSize;

    /// <summary>Of each connection; null for no limit.</summary>
    public int? BytesPerSecond { get; set; }

    public static async Task<HubServer> StartAsync(int port = 0)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrel(options =>
        {
            options.Listen(IPAddress.Loopback, port);
            options.Listen(IPAddress.Loopback, 0);
            options.Limits.MinResponseDataRate = null;
        });
        WebApplication application = builder.Build();
        HubServer? server = null;
        application.Run(context => server!.AnswerAsync(context));
        await application.StartAsync().ConfigureAwait(false);
        int[] ports =
        [
            .. application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses
                .Select(address => new Uri(address).Port),
        ];
        server = new HubServer(application, ports[0], ports[1]);
        return server;
    }

    public TestRepository Add(TestRepository repository)
    {
        repositories[repository.Name] = repository;
        return repository;
    }

    public void Add(Fault fault)
    {
        lock (faults)
        {
            faults.Add(fault);
        }
    }

    public void Heal()
    {
        lock (faults)
        {
            faults.Clear();
        }
    }

    /// <summary>Every URL of the storage host that was handed out stops working.</summary>
    public void ExpireSignatures() => Interlocked.Increment(ref signature);

    /// <summary>How often a part was asked.</summary>
    public int Count(Place place) => exchanges.Count(exchange => exchange.Place == place);

    public void Forget()
    {
        exchanges.Clear();
        Interlocked.Exchange(ref bytesSent, 0);
    }

    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    public async ValueTask DisposeAsync()
    {
        using var impatient = new CancellationTokenSource(TimeSpan.Zero);
        await application.StopAsync(impatient.Token).ConfigureAwait(false);
        await application.DisposeAsync().ConfigureAwait(false);
    }

    private async Task AnswerAsync(HttpContext context)
    {
        string raw = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        Target? target = Target.Parse(raw, context.Connection.LocalPort == storagePort);
        if (target is null)
        {
            context.Response.StatusCode = 404;
            return;
        }

        IHeaderDictionary headers = context.Request.Headers;
        exchanges.Enqueue(new Exchange(
            target.Place, raw, headers.Range.Count > 0 ? headers.Range.ToString() : null, headers.Authorization.Count > 0, headers.AcceptEncoding.ToString()));
        var plan = new BodyPlan();
        if (TakeFault(target.Place, raw) is { } fault && fault.Apply(context, plan))
        {
            await context.Response.WriteAsync(plan.Text ?? "").ConfigureAwait(false);
            return;
        }

        if (target.Place == Place.Storage)
        {
            await SendStoredAsync(context, target, plan).ConfigureAwait(false);
        }
        else if (IsAdmitted(context, target, out TestRepository? repository))
        {
            await AnswerAsync(context, target, repository!, plan).ConfigureAwait(false);
        }
    }

    private Fault? TakeFault(Place place, string raw)
    {
        lock (faults)
        {
            Fault? fault = faults.Find(fault => fault.Place == place && fault.Times > 0 && raw.Contains(fault.Target, StringComparison.Ordinal));
            if (fault is { After: > 0 })
            {
                fault.After--;
                return null;
            }

            if (fault is not null)
            {
                fault.Times--;
            }

            return fault;
        }
    }

    private bool IsAdmitted(HttpContext context, Target target, out TestRepository? repository)
    {
        string token = context.Request.Headers.Authorization.ToString();
        bool isKnown = repositories.TryGetValue(target.Repository, out repository);
        bool hasRight = isKnown && (repository!.Token is null || token == "Bearer " + repository.Token);
        if (isKnown && repository!.IsGated && !hasRight && target.Place is Place.Resolve or Place.Content)
        {
            Refuse(context, token.Length == 0 ? 401 : 403, "GatedRepo", $"Access to model {target.Repository} is restricted.");
            return false;
        }

        if (isKnown && repository!.IsDisabled)
        {
            Refuse(context, 403, null, "Access to this resource is disabled.");
            return false;
        }

        if (!isKnown || (!hasRight && !repository!.IsGated))
        {
            Refuse(context, token.Length == 0 ? 401 : 404, "RepoNotFound", "Repository not found");
            return false;
        }

        if (repository!.Find(target.Revision) is null)
        {
            Refuse(context, 404, "RevisionNotFound", $"Invalid rev id: {target.Revision}");
            return false;
        }

        return true;
    }

    private static void Refuse(HttpContext context, int status, string? code, string message)
    {
        context.Response.StatusCode = status;
        context.Response.Headers["X-Error-Message"] = message;
        context.Response.Headers["X-Request-Id"] = "Root=1-test";
        if (code is not null)
        {
            context.Response.Headers["X-Error-Code"] = code;
        }
    }

    private Task AnswerAsync(HttpContext context, Target target, TestRepository repository, BodyPlan plan)
    {
        switch (target.Place)
        {
            case Place.Revision:
                return context.Response.WriteAsync(JsonSerializer.Serialize(new { id = repository.Name, sha = repository.Find(target.Revision) }));
            case Place.Tree:
                return SendPageAsync(context, repository);
        }

        context.Response.Headers["X-Repo-Commit"] = repository.Find(target.Revision);
        if (!repository.Files.TryGetValue(target.Path, out TestFile? file))
        {
            Refuse(context, 404, "EntryNotFound", "Entry not found");
            return Task.CompletedTask;
        }

        if (target.Place == Place.Content)
        {
            context.Response.Headers.ETag = $"\"{file.Etag}\"";
            return SendFileAsync(context, file, plan);
        }

        string location = file.IsLarge
            ? string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{storagePort}/{file.Etag}?X-Signature=secret-{signature}")
            : $"/api/resolve-cache/models/{repository.Name}/{repository.Find(target.Revision)}/{Uri.EscapeDataString(target.Path)}?etag={file.Etag}";
        context.Response.StatusCode = file.IsLarge ? 302 : 307;
        context.Response.Headers.Location = location;
        context.Response.Headers["X-Linked-Size"] = (file.ByteLength + plan.ClaimedMore).ToString(CultureInfo.InvariantCulture);
        context.Response.Headers["X-Linked-Etag"] = $"\"{file.Etag}\"";
        SetHeaders(context, plan);
        return Task.CompletedTask;
    }

    private async Task SendPageAsync(HttpContext context, TestRepository repository)
    {
        int from = int.TryParse(context.Request.Query["cursor"], NumberStyles.None, CultureInfo.InvariantCulture, out int cursor) ? cursor : 0;
        object[] all =
        [
            .. repository.Files.Keys.Select(path => path.Split('/')).Where(names => names.Length > 1).Select(names => names[0]).Distinct()
                .Select(folder => (object)new { type = "directory", oid = TestRepository.ShaOf(folder), size = 0, path = folder }),
            .. repository.Files.Select(pair => pair.Value.IsLarge
                ? new
                {
                    type = "file", oid = pair.Value.GitOid, size = pair.Value.ByteLength, path = pair.Key,
                    lfs = new { oid = pair.Value.Etag, size = pair.Value.ByteLength, pointerSize = 134 },
                    xetHash = pair.Value.Etag,
                }
                : (object)new { type = "file", oid = pair.Value.GitOid, size = pair.Value.ByteLength, path = pair.Key }),
        ];
        if (from + PageSize < all.Length)
        {
            string next = string.Create(CultureInfo.InvariantCulture, $"<{Endpoint}{context.Request.Path}?recursive=true&expand=false&cursor={from + PageSize}>; rel=\"next\"");
            context.Response.Headers.Link = next;
        }

        await context.Response.WriteAsync(JsonSerializer.Serialize(all.Skip(from).Take(PageSize))).ConfigureAwait(false);
    }

    // As the real storage: a token is an error, a signature has its time, and the ETag is a digest of something else.
    private Task SendStoredAsync(HttpContext context, Target target, BodyPlan plan)
    {
        bool isSigned = context.Request.Query["X-Signature"] == string.Create(CultureInfo.InvariantCulture, $"secret-{signature}");
        TestFile? file = repositories.Values.SelectMany(repository => repository.Files.Values).FirstOrDefault(file => file.IsLarge && file.Etag == target.Path);
        if (!isSigned || file is null || context.Request.Headers.Authorization.Count > 0)
        {
            context.Response.StatusCode = 403;
            return context.Response.WriteAsync("<Error><Code>AccessDenied</Code></Error>");
        }

        context.Response.Headers.ETag = $"\"{new string('e', 64)}\"";
        return SendFileAsync(context, file, plan);
    }

    private async Task SendFileAsync(HttpContext context, TestFile file, BodyPlan plan)
    {
        var transfer = new FileTransfer(context, file, plan, BytesPerSecond);
        transfer.WriteHeaders();
        SetHeaders(context, plan);
        await transfer.SendAsync(count => Interlocked.Add(ref bytesSent, count)).ConfigureAwait(false);
    }

    private static void SetHeaders(HttpContext context, BodyPlan plan)
    {
        foreach ((string name, string? value) in plan.Headers)
        {
            if (value is null)
            {
                context.Response.Headers.Remove(name);
            }
            else
            {
                context.Response.Headers[name] = value;
            }
        }
    }
}
