using System.Net;
using System.Net.Sockets;
using ExpoCluster.Core.Hub;
using ExpoCluster.TestHub;

namespace ExpoCluster.Core.Tests.Hub;

/// <summary>What a bad network and bad servers do to a read.</summary>
public sealed class HubStreamTests : IAsyncLifetime
{
    private readonly HubScene scene = new();
    private HubFile file = null!;

    private HubServer Server => scene.Server;

    public async Task InitializeAsync()
    {
        await scene.InitializeAsync();
        scene.AddModel();
        file = await scene.FileAsync();
        Server.Forget();
    }

    public Task DisposeAsync() => scene.DisposeAsync();

    [Theory]
    [InlineData(408)]
    [InlineData(500)]
    [InlineData(502)]
    [InlineData(503)]
    [InlineData(504)]
    public async Task A_server_that_fails_for_a_while_is_asked_again_with_growing_waits(int status)
    {
        Server.Add(Fault.Status(Place.Resolve, status) with { Times = 5 });

        Assert.Equal(HubScene.Counting(100), await ReadAsync(0, 100));
        Assert.Equal([1, 2, 4, 8, 8], scene.Clock.Waits);
    }

    [Fact]
    public async Task A_server_that_fails_for_longer_is_given_up()
    {
        Server.Add(Fault.Status(Place.Resolve, 503) with { Times = 100 });

        HubException refusal = await HubScene.RefusalAsync(() => ReadAsync(0, 100));

        Assert.Equal((HubErrors.ServerFailed, true, 6), (refusal.Code, refusal.IsOutage, Server.Count(Place.Resolve)));
    }

    [Theory]
    [InlineData("RateLimit", "\"api\";r=0;t=55", 56)]
    [InlineData("RateLimit", "\"resolvers\"; r=0; t=3", 4)]
    [InlineData("RateLimit", "\"api\";r=12;t=55", 1)]
    [InlineData("Retry-After", "7", 8)]
    [InlineData("Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT", 1)]
    public async Task A_rate_limit_is_waited_for_as_it_says(string header, string value, int seconds)
    {
        Server.Add(Fault.Status(Place.Resolve, 429, (header, value)));
        var notices = new List<string>();
        scene.Client.Notice = notices.Add;

        await ReadAsync(0, 100);

        Assert.Equal([seconds], scene.Clock.Waits);
        Assert.Equal(seconds >= 4 ? 1 : 0, notices.Count);
    }

    [Fact]
    public async Task A_rate_limit_of_hours_is_not_waited_for()
    {
        Server.Add(Fault.Status(Place.Resolve, 429, Fault.RetryAfter(7200)));

        HubException refusal = await HubScene.RefusalAsync(() => ReadAsync(0, 100));

        Assert.Equal(HubErrors.RateLimited, refusal.Code);
        Assert.Empty(scene.Clock.Waits);
    }

    [Fact]
    public async Task A_connection_that_breaks_is_made_anew_where_it_broke()
    {
        Server.Add(Fault.Drops(Place.Storage, afterBytes: 40_000));

        byte[] bytes = await ReadAsync(10_000, 90_000);

        Assert.Equal(HubScene.Counting(100_000)[10_000..90_000], bytes);
        string[] ranges = [.. Server.Exchanges.Where(exchange => exchange.Place == Place.Storage).Select(exchange => exchange.Range!)];
        Assert.Equal("bytes=10000-89999", ranges[0]);
        Assert.Equal(2, ranges.Length);
        Assert.Matches("^bytes=[1-5][0-9]{4}-89999$", ranges[1]);
    }

    [Fact]
    public async Task A_connection_that_brings_nothing_five_times_again_is_given_up()
    {
        Server.Add(Fault.Drops(Place.Storage, afterBytes: 0) with { Times = 100 });

        HubException refusal = await HubScene.RefusalAsync(() => ReadAsync(0, 100));

        Assert.Equal((HubErrors.Unreachable, true), (refusal.Code, refusal.IsOutage));
        // At least these; where the break overtakes the answer's first line, the question is repeated too.
        Assert.InRange(scene.Clock.Waits.Count, 5, 35);
    }

    [Fact]
    public async Task Every_byte_that_arrives_renews_the_patience()
    {
        Server.Add(Fault.Drops(Place.Storage, afterBytes: 5_000) with { Times = 15 });

        Assert.Equal(HubScene.Counting(90_000), await ReadAsync(0, 90_000));
        Assert.All(scene.Clock.Waits, wait => Assert.InRange(wait, 1, 2));
    }

    [Fact]
    public async Task A_connection_that_stands_still_is_left()
    {
        Server.Add(Fault.Stalls(Place.Storage, afterBytes: 1_000));

        Assert.Equal(HubScene.Counting(50_000), await ReadAsync(0, 50_000));
        Assert.Equal(2, Server.Count(Place.Storage));
    }

    [Fact]
    public async Task Nobody_listening_is_an_outage()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using HubClient client = scene.NewClient(("HF_ENDPOINT", $"http://127.0.0.1:{((IPEndPoint)socket.LocalEndPoint!).Port}"));

        HubException refusal = await HubScene.RefusalAsync(() => client.ResolveAsync(HubReference.Parse("hf:org/model"), 5, CancellationToken.None));

        Assert.Equal((HubErrors.Unreachable, 5), (refusal.Code, scene.Clock.Waits.Count));
    }

    [Fact]
    public async Task A_server_that_ignores_ranges_serves_the_beginning_of_a_file()
    {
        Server.Add(Fault.IgnoresRanges(Place.Storage) with { Times = 100 });

        Assert.Equal(HubScene.Counting(100), await ReadAsync(0, 100));
        Assert.Equal(HubScene.Counting(60_000)[50_000..], await ReadAsync(50_000, 60_000));
    }

    [Fact]
    public async Task A_server_that_ignores_ranges_is_not_read_to_the_end_of_a_large_file()
    {
        scene.AddModel(largeBytes: 20 << 20);
        file = await scene.FileAsync();
        Server.Add(Fault.IgnoresRanges(Place.Storage) with { Times = 100 });

        HubException refusal = await HubScene.RefusalAsync(() => ReadAsync(19 << 20, 20 << 20));

        Assert.Equal(HubErrors.RangesIgnored, refusal.Code);
    }

    [Fact]
    public async Task A_range_of_other_bytes_is_refused()
    {
        Server.Add(Fault.ShiftsRange(Place.Storage, by: 1));

        HubException refusal = await HubScene.RefusalAsync(() => ReadAsync(10, 20));

        Assert.Equal(HubErrors.WrongLength, refusal.Code);
        Assert.Contains("bytes 10-19/100000", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("bytes 11-20/100000", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_part_of_the_range_is_completed_by_another_request()
    {
        Server.Add(new Fault(Place.Storage, (context, _) =>
        {
            context.Request.Headers.Range = "bytes=0-499";
            return false;
        }));

        Assert.Equal(HubScene.Counting(1_000), await ReadAsync(0, 1_000));
    }

    [Theory]
    [InlineData(Place.Storage, true)]
    [InlineData(Place.Storage, false)]
    [InlineData(Place.Resolve, false)]
    public async Task A_file_of_another_length_than_listed_is_refused(Place place, bool ignoresRanges)
    {
        Server.Add(new Fault(place, (_, plan) =>
        {
            plan.IgnoresRange = ignoresRanges;
            plan.ClaimedMore = 1;
            return false;
        }));

        HubException refusal = await HubScene.RefusalAsync(() => ReadAsync(0, 100));

        Assert.Equal(HubErrors.WrongLength, refusal.Code);
        Assert.Contains("100001", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_file_than_the_listed_one_is_refused()
    {
        Server.Add(Fault.Header(Place.Resolve, "X-Linked-Etag", $"W/\"{new string('a', 64)}\""));

        Assert.Equal(HubErrors.WrongEtag, (await HubScene.RefusalAsync(() => ReadAsync(0, 100))).Code);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("0123456789012345678901234567890123456789")]
    public async Task An_answer_without_the_commit_or_of_another_is_refused(string? commit)
    {
        Server.Add(Fault.Header(Place.Resolve, "X-Repo-Commit", commit));

        Assert.Equal(HubErrors.NotAHub, (await HubScene.RefusalAsync(() => ReadAsync(0, 100))).Code);
    }

    [Fact]
    public async Task Compressed_bytes_are_refused()
    {
        Server.Add(Fault.Header(Place.Storage, "Content-Encoding", "gzip"));

        Assert.Equal(HubErrors.NotAHub, (await HubScene.RefusalAsync(() => ReadAsync(0, 100))).Code);
    }

    [Fact]
    public async Task A_storage_host_that_refuses_for_ever_is_named_without_its_signature()
    {
        Server.Add(Fault.Status(Place.Storage, 403) with { Times = 100 });

        HubException refusal = await HubScene.RefusalAsync(() => ReadAsync(0, 100));

        Assert.Equal(HubErrors.ServerFailed, refusal.Code);
        Assert.Contains("http://127.0.0.1", refusal.Message, StringComparison.Ordinal);
    }

    private Task<byte[]> ReadAsync(long begin, long end) => HubScene.ReadAsync(scene.Client, file, begin, end);
}
