using System.Text;
using ExpoCluster.Core.Hub;
using ExpoCluster.TestHub;

namespace ExpoCluster.Core.Tests.Hub;

/// <summary>A test Hub, a client that asks it, and an empty cache.</summary>
public sealed class HubScene : IAsyncLifetime
{
    public const string Token = "hf_secretOfTheTests";

    public const string Model = "org/model";

    private readonly TemporaryDirectory place = new();

    public HubServer Server { get; private set; } = null!;

    public ImpatientClock Clock { get; } = new();

    public HubClient Client { get; private set; } = null!;

    public string CacheDirectory => place.PathOf("cache");

    public HubCache Cache => new(CacheDirectory);

    public async Task InitializeAsync()
    {
        Server = await HubServer.StartAsync();
        Client = NewClient();
    }

    public async Task DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
        place.Dispose();
    }

    public string PathOf(string name) => place.PathOf(name);

    public HubEnvironment Environment(params (string Name, string Value)[] variables)
    {
        var all = new Dictionary<string, string>
        {
            ["HF_ENDPOINT"] = Server.Endpoint, ["HF_HUB_CACHE"] = CacheDirectory, ["HF_HUB_ETAG_TIMEOUT"] = "5", ["HF_HUB_DOWNLOAD_TIMEOUT"] = "0.5",
        };
        foreach ((string name, string value) in variables)
        {
            all[name] = value;
        }

        return HubEnvironment.Of(all, place.Path);
    }

    public HubClient NewClient(params (string Name, string Value)[] variables) => new(Environment(variables), Clock);

    /// <summary>A model of one small and one large file; the large one counts up.</summary>
    public TestRepository AddModel(int largeBytes = 100_000, bool isGated = false, string? token = null, bool isDisabled = false) => Server.Add(
        new TestRepository(Model) { IsGated = isGated, Token = token, IsDisabled = isDisabled }
            .With("config.json", TestFile.Of("""{"model_type": "llama"}"""))
            .With("model.safetensors", TestFile.Of(Counting(largeBytes), isLarge: true)));

    public static byte[] Counting(int bytes) => [.. Enumerable.Range(0, bytes).Select(index => (byte)(index % 251))];

    public async Task<HubFile> FileAsync(string path = "model.safetensors")
    {
        HubCommit commit = await Client.ResolveAsync(HubReference.Parse("hf:" + Model), retries: 5, CancellationToken.None);
        HubListing listing = await Client.ListAsync(commit, CancellationToken.None);
        return listing.Find(path)!;
    }

    public static async Task<byte[]> ReadAsync(HubClient client, HubFile file, long begin, long end)
    {
        byte[] content = new byte[end - begin];
        using HubStream stream = client.Open(file, begin, end);
        await stream.ReadExactlyAsync(content, CancellationToken.None);
        return content;
    }

    /// <summary>That no message holds the token, nor a signature, is a part of every refusal's test.</summary>
    public static async Task<HubException> RefusalAsync(Func<Task> ask)
    {
        HubException refusal = await Assert.ThrowsAsync<HubException>(ask);
        Assert.DoesNotContain("secret", refusal.ToString() + refusal.Advice, StringComparison.OrdinalIgnoreCase);
        return refusal;
    }

    public static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
