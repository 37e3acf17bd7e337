using ExpoCluster.Core.Hub;
using ExpoCluster.TestHub;

namespace ExpoCluster.Core.Tests.Hub;

public sealed class HubClientTests : IAsyncLifetime
{
    private readonly HubScene scene = new();

    private HubServer Server => scene.Server;

    private HubClient Client => scene.Client;

    public Task InitializeAsync() => scene.InitializeAsync();

    public Task DisposeAsync() => scene.DisposeAsync();

    [Fact]
    public async Task A_branch_becomes_the_commit_that_it_means()
    {
        TestRepository model = scene.AddModel();
        model.Refs["refs/pr/1"] = TestRepository.ShaOf("pull request");

        HubCommit main = await Client.ResolveAsync(HubReference.Parse("hf:org/model"), 0, CancellationToken.None);
        HubCommit pull = await Client.ResolveAsync(HubReference.Parse("hf:org/model@refs/pr/1"), 0, CancellationToken.None);

        Assert.Equal(model.Commit, main.Sha);
        Assert.Equal(TestRepository.ShaOf("pull request"), pull.Sha);
        Assert.Contains(Server.Exchanges, exchange => exchange.Target.EndsWith("/revision/refs%2Fpr%2F1", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_listing_names_sizes_and_digests_of_files_in_folders_too()
    {
        TestRepository model = scene.AddModel(largeBytes: 12_345).With("additional_chat_templates/tool use.jinja", TestFile.Of("{{x}}"));

        HubFile large = await scene.FileAsync();
        HubFile template = await scene.FileAsync("additional_chat_templates/tool use.jinja");

        Assert.Equal((12_345, model.Files["model.safetensors"].Etag), (large.ByteLength, large.Sha256));
        Assert.Equal((5, null, model.Files["additional_chat_templates/tool use.jinja"].Etag), (template.ByteLength, template.Sha256, template.GitOid));
        Assert.Equal(HubScene.Utf8("{{x}}"), await Client.ReadAsync(template, CancellationToken.None));
    }

    [Fact]
    public async Task A_listing_of_several_pages_is_read_to_its_end()
    {
        TestRepository model = scene.AddModel();
        for (int number = 0; number < 25; number++)
        {
            model.With($"file-{number:00}.txt", TestFile.Of($"{number}"));
        }

        Server.PageSize = 10;

        HubListing listing = await Client.ListAsync(new HubCommit(HubScene.Model, model.Commit), CancellationToken.None);

        Assert.Equal(27, listing.Files.Length);
        Assert.Equal(3, Server.Count(Place.Tree));
    }

    [Fact]
    public async Task A_range_brings_its_bytes_and_no_others()
    {
        scene.AddModel();
        HubFile file = await scene.FileAsync();
        Server.Forget();

        byte[] bytes = await HubScene.ReadAsync(Client, file, 5_000, 7_000);

        Assert.Equal(HubScene.Counting(100_000)[5_000..7_000], bytes);
        Assert.Equal(2_000, Server.BytesSent);
        Assert.All(Server.Exchanges, exchange => Assert.Equal(("bytes=5000-6999", "identity"), (exchange.Range, exchange.Accepts)));
    }

    [Fact]
    public async Task The_token_goes_to_the_Hub_and_to_nobody_else()
    {
        scene.AddModel(token: HubScene.Token);
        using HubClient client = scene.NewClient(("HF_TOKEN", HubScene.Token + "\n"));
        HubCommit commit = await client.ResolveAsync(HubReference.Parse("hf:org/model"), 0, CancellationToken.None);
        HubListing listing = await client.ListAsync(commit, CancellationToken.None);

        await HubScene.ReadAsync(client, listing.Find("model.safetensors")!, 0, 100);
        await client.ReadAsync(listing.Find("config.json")!, CancellationToken.None);

        Assert.All(Server.Exchanges, exchange => Assert.Equal(exchange.Place != Place.Storage, exchange.HasToken));
        Assert.Equal(1, Server.Count(Place.Storage));
    }

    [Fact]
    public async Task The_way_to_the_storage_is_asked_once_for_many_ranges()
    {
        scene.AddModel();
        HubFile file = await scene.FileAsync();

        for (int begin = 0; begin < 10_000; begin += 1_000)
        {
            await HubScene.ReadAsync(Client, file, begin, begin + 1_000);
        }

        Assert.Equal((1, 10), (Server.Count(Place.Resolve), Server.Count(Place.Storage)));
    }

    [Fact]
    public async Task A_signature_that_has_run_out_is_asked_for_anew()
    {
        scene.AddModel();
        HubFile file = await scene.FileAsync();
        await HubScene.ReadAsync(Client, file, 0, 1_000);
        Server.ExpireSignatures();

        byte[] bytes = await HubScene.ReadAsync(Client, file, 1_000, 2_000);

        Assert.Equal(HubScene.Counting(2_000)[1_000..], bytes);
        Assert.Equal(2, Server.Count(Place.Resolve));
        Assert.Empty(scene.Clock.Waits);
    }

    [Fact]
    public async Task After_ten_minutes_the_Hub_is_asked_again_for_the_way()
    {
        scene.AddModel();
        HubFile file = await scene.FileAsync();
        await HubScene.ReadAsync(Client, file, 0, 1_000);
        scene.Clock.Advance(TimeSpan.FromMinutes(11));

        await HubScene.ReadAsync(Client, file, 0, 1_000);

        Assert.Equal(2, Server.Count(Place.Resolve));
    }

    [Fact]
    public async Task A_file_that_was_damaged_on_its_way_is_refused()
    {
        scene.AddModel();
        HubFile file = await scene.FileAsync("config.json");
        Server.Add(Fault.Damages(Place.Content, offset: 3));

        HubException refusal = await HubScene.RefusalAsync(() => Client.ReadAsync(file, CancellationToken.None));

        Assert.Equal(HubErrors.WrongDigest, refusal.Code);
    }

    [Fact]
    public async Task A_wait_for_an_answer_can_be_ended()
    {
        scene.AddModel();
        HubFile file = await scene.FileAsync();
        Server.Add(Fault.Stalls(Place.Storage, afterBytes: 10));
        using HubClient patient = scene.NewClient(("HF_HUB_DOWNLOAD_TIMEOUT", "60"));
        using var interrupt = new CancellationTokenSource();
        using HubStream stream = patient.Open(file, 0, 100);
        await stream.ReadExactlyAsync(new byte[10], interrupt.Token);

        ValueTask<int> reading = stream.ReadAsync(new byte[10], interrupt.Token);
        await interrupt.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading.AsTask());
    }
}
