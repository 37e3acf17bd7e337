using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using ExpoCluster.Core.Hub;
using ExpoCluster.TestHub;

namespace ExpoCluster.Core.Tests.Hub.Hostile;

/// <summary>Whatever a Hub answers, it is told in so many words and in bounded time and memory, and nobody else ever sees the token.</summary>
public sealed partial class HostileHubTests : IAsyncLifetime
{
    private const long MostBytes = 80 << 20;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan MostWaited = TimeSpan.FromHours(1);

    private readonly TemporaryDirectory place = new();
    private readonly HastyClock clock = new();
    private readonly HostileHub hub = new();

    public static TheoryData<string> Names => [.. HostileAnswer.All.Select(answer => answer.Name)];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await hub.DisposeAsync();
        place.Dispose();
    }

    [Fact]
    public async Task An_honest_one_is_believed() => Assert.Equal("taken", await ReadAsync(new Uri($"http://127.0.0.1:{hub.Port}")));

    [Theory]
    [MemberData(nameof(Names))]
    public async Task It_is_told_in_so_many_words(string name)
    {
        HostileAnswer answer = HostileAnswer.All.Single(answer => answer.Name == name);
        answer.Arrange(hub);

        Assert.Equal(answer.Outcome, await ReadAsync(new Uri($"http://127.0.0.1:{hub.Port}")));

        Assert.All(hub.Requests, request => Assert.Equal(request.Port == hub.Port ? "Bearer " + HubScene.Token : null, request.Authorization));
        Assert.InRange(hub.BytesSent, 0, MostBytes);
        Assert.InRange(clock.Waited, TimeSpan.Zero, MostWaited);
    }

    [Fact]
    public async Task A_Hub_elsewhere_sends_nobody_to_this_machine()
    {
        // On a machine without a network there is no such Hub either; the rule itself has a test of its own.
        if (OwnAddress() is not { } address)
        {
            return;
        }

        hub.Answers[Place.Resolve] = (_, hub, stream) => hub.SendAsync(stream, "302 Found", $"Location: http://127.0.0.1:{hub.OtherPort}/\r\n", "");

        Assert.Equal(HubErrors.BadRedirect, await ReadAsync(new Uri($"http://{address}:{hub.Port}")));

        Assert.DoesNotContain(hub.Requests, request => request.Port == hub.OtherPort);
    }

    [Theory]
    [InlineData("http://hub.example/x", "relative/y", "http://hub.example/relative/y")]
    [InlineData("http://hub.example/x", "https://cdn.example/y", "https://cdn.example/y")]
    [InlineData("https://hub.example/x", "//cdn.example/y", "https://cdn.example/y")]
    [InlineData("https://hub.example/x", "http://cdn.example/y", null)]
    [InlineData("https://hub.example/x", "http://hub.example/x", null)]
    [InlineData("https://hub.example/x", "data:text/plain,x", null)]
    public void A_redirect_never_leads_out_of_encryption_nor_out_of_the_web(string from, string location, string? target)
    {
        if (target is not null)
        {
            Assert.Equal(target, HubRedirect.Target(new Uri(from), location, "subject").AbsoluteUri);
            return;
        }

        Assert.Equal(HubErrors.BadRedirect, Assert.Throws<HubException>(() => HubRedirect.Target(new Uri(from), location, "subject")).Code);
    }

    [Fact]
    public void The_document_has_the_same_table() => Assert.Equal(
        HostileAnswer.All.Select(answer => $"| {answer.Name} | {answer.Outcome} |"),
        Row().Matches(File.ReadAllText(Path.Join(AppContext.BaseDirectory, "docs", "security.md"))).Select(match => match.Value));

    [GeneratedRegex(@"^\| [^|\n]+ \| (?:EXPO11\d\d|taken) \|$", RegexOptions.Multiline)]
    private static partial Regex Row();

    // All that a plan and a download ask of a Hub.
    private async Task<string> ReadAsync(Uri endpoint)
    {
        using var client = new HubClient(
            new HubEnvironment
            {
                Endpoint = endpoint,
                CacheDirectory = place.PathOf("cache"),
                Token = HubToken.Of(HubScene.Token, "test"),
                AnswerTimeout = TimeSpan.FromSeconds(1),
                ReadTimeout = TimeSpan.FromSeconds(1),
                BodyTimeout = TimeSpan.FromSeconds(5),
                SlowTimeout = TimeSpan.FromSeconds(0.5),
            },
            clock);
        try
        {
            await ReadAsync(client).WaitAsync(Patience);
            return "taken";
        }
        catch (HubException refusal)
        {
            Assert.DoesNotContain(refusal.Message, char.IsControl);
            Assert.InRange(refusal.Message.Length, 1, 1_000);
            Assert.DoesNotContain(HubScene.Token, refusal.ToString() + refusal.Advice, StringComparison.Ordinal);
            return refusal.Code;
        }
    }

    private static async Task ReadAsync(HubClient client)
    {
        HubCommit commit = await client.ResolveAsync(HubReference.Parse("hf:" + HubScene.Model), HubWaits.MaxRetries, CancellationToken.None);
        HubListing listing = await client.ListAsync(commit, CancellationToken.None);
        if (listing.Find("model.safetensors") is { } weights)
        {
            Assert.Equal(HostileHub.Weights, await client.ReadAsync(weights, CancellationToken.None));
        }
    }

    private static IPAddress? OwnAddress() => NetworkInterface.GetAllNetworkInterfaces()
        .Where(network => network.OperationalStatus == OperationalStatus.Up)
        .SelectMany(network => network.GetIPProperties().UnicastAddresses)
        .Select(address => address.Address)
        .FirstOrDefault(address => address.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(address) && HubNeighbourhood.MaySend(IPAddress.Loopback, address));
}
