using System.Collections.Immutable;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using ExpoCluster.Client;
using ExpoCluster.Client.Events;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Client.Problems;
using ExpoCluster.Cluster.Certificates;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Core.Tests;
using ExpoCluster.Server.Access;
using ExpoCluster.Server.Nodes;
using Microsoft.Data.Sqlite;

namespace ExpoCluster.Server.Tests.Api;

/// <summary>A node in this process with real HTTP, SQLite, and a pair of checkpoints below its storage root.</summary>
public class ApiScene : IAsyncLifetime
{
    protected static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private string? tokenFile;

    /// <summary>100 elements: a job that is done at once.</summary>
    protected SmallPair Pair { get; init; } = new(("model.safetensors", "weight", 100));

    protected ClusterNode Node { get; private set; } = null!;

    protected ExpoClusterClient Client { get; private set; } = null!;

    /// <summary>For requests that the typed client does not make.</summary>
    protected HttpClient Http { get; private set; } = null!;

    protected ImmutableArray<string> Roles { get; init; } = NodeSettings.AllRoles;

    /// <summary>Output bytes per second.</summary>
    protected long? Rate { get; set; }

    /// <summary>For HTTPS; null for plain connections.</summary>
    protected NodeCertificate? Certificate { get; set; }

    /// <summary>Whose tokens are taken; null for nobody's.</summary>
    protected OidcAuthority? Oidc { get; set; }

    public virtual Task InitializeAsync() => StartAsync();

    public virtual async Task DisposeAsync()
    {
        await StopAsync();
        Pair.Dispose();
    }

    protected void UseTokens(params string[] lines)
    {
        tokenFile = Path.Join(Pair.Root, "tokens");
        File.WriteAllLines(tokenFile, lines);
    }

    protected async Task StartAsync(string? token = null, Uri? at = null)
    {
        Node = await ClusterNode.StartAsync(new NodeOptions
        {
            Roles = Roles,
            Port = 0,
            Http = at ?? new Uri("http://127.0.0.1:0"),
            Database = new NodeDatabase.Sqlite(Path.Join(Pair.Root, "expocluster.db")),
            StorageRoots = [Pair.Root],
            Lanes = 2,
            MaxBytesPerSecond = Rate,
            TokenFile = tokenFile,
            Oidc = Oidc,
            Certificate = Certificate,
            Version = "test",
        }, _ => { }, CancellationToken.None);
        Client = new ExpoClusterClient(Node.Http!, token);
        Http = new HttpClient { BaseAddress = Node.Http };
        Http.DefaultRequestHeaders.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
    }

    protected async Task StopAsync()
    {
        Client.Dispose();
        Http.Dispose();
        await Node.DisposeAsync();
        SqliteConnection.ClearAllPools();
    }

    /// <summary>A recipe with paths relative to the storage root.</summary>
    protected static RecipeRequest Recipe(string output = "out", string? id = null, double alpha = 0.5) => new()
    {
        Id = id, Base = "base", Aligned = "aligned", Alpha = JsonValue.Create(alpha), Output = output,
    };

    protected Task<HttpResponseMessage> PostAsync(string url, string body, string mediaType = "application/json") =>
        Http.PostAsync(url, new StringContent(body, Encoding.UTF8, mediaType));

    /// <summary>Watches until the job has ended, or came into this state.</summary>
    protected async Task<List<JobNews>> WatchAsync(string id, string? until = null, long after = 0)
    {
        using var patience = new CancellationTokenSource(Patience);
        List<JobNews> news = [];
        await foreach (JobNews item in Client.WatchAsync(id, after, patience.Token))
        {
            news.Add(item);
            if (item is JobNews.StateChanged change && change.Change.State == until)
            {
                break;
            }
        }

        return news;
    }

    protected static async Task UntilAsync(Func<bool> holds)
    {
        for (long start = TimeProvider.System.GetTimestamp(); !holds(); await Task.Delay(20))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience, "it did not come true");
        }
    }

    protected async Task<Job> FinishedAsync(RecipeRequest recipe)
    {
        SubmittedJob submitted = await Client.SubmitAsync(recipe);
        await WatchAsync(submitted.Job.Id);
        return await Client.ShowAsync(submitted.Job.Id);
    }

    protected static async Task AssertMayNotActAsync(ExpoClusterClient reader)
    {
        foreach (Func<Task> act in new Func<Task>[]
        {
            () => reader.SubmitAsync(Recipe()), () => reader.PlanAsync(Recipe()), () => reader.CancelAsync("mine"), () => reader.ResumeAsync("mine"),
        })
        {
            ExpoClusterException refusal = await Assert.ThrowsAsync<ExpoClusterException>(act);
            Assert.Equal((403, "EXPO5102"), (refusal.Problem.Status, refusal.Code));
        }
    }
}
