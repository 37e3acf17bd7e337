using ExpoCluster.Core.Hub;
using ExpoCluster.TestHub;

namespace ExpoCluster.Core.Tests.Hub;

/// <summary>Each row of the protocol's table of errors.</summary>
public sealed class HubRefusalTests : IAsyncLifetime
{
    private readonly HubScene scene = new();

    private HubServer Server => scene.Server;

    public Task InitializeAsync() => scene.InitializeAsync();

    public Task DisposeAsync() => scene.DisposeAsync();

    [Fact]
    public async Task A_model_that_is_not_there_or_private_is_missing()
    {
        HubException refusal = await ResolveAsync();

        Assert.Equal(HubErrors.RepositoryMissing, refusal.Code);
        Assert.Contains("hf:org/model", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("HF_TOKEN", refusal.Advice, StringComparison.Ordinal);
        Assert.Single(Server.Exchanges);
    }

    [Fact]
    public async Task A_private_model_is_missing_for_another_token()
    {
        scene.AddModel(token: HubScene.Token);

        HubException refusal = await ResolveAsync(("HF_TOKEN", "hf_anotherSecret"));

        Assert.Equal(HubErrors.RepositoryMissing, refusal.Code);
        Assert.Contains("token's owner", refusal.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_401_without_any_code_means_a_missing_model()
    {
        Server.Add(Fault.Status(Place.Revision, 401));

        Assert.Equal(HubErrors.RepositoryMissing, (await ResolveAsync()).Code);
    }

    [Fact]
    public async Task A_token_that_the_Hub_does_not_know_is_said_to_be_the_reason()
    {
        Server.Add(Fault.Status(Place.Revision, 401, ("X-Error-Message", "Invalid credentials in Authorization header")));

        HubException refusal = await ResolveAsync(("HF_TOKEN", HubScene.Token));

        Assert.Equal(HubErrors.BadToken, refusal.Code);
    }

    [Fact]
    public async Task A_revision_that_is_not_there_is_named()
    {
        scene.AddModel();

        HubException refusal = await HubScene.RefusalAsync(() =>
            scene.Client.ResolveAsync(HubReference.Parse("hf:org/model@v2"), 0, CancellationToken.None));

        Assert.Equal(HubErrors.RevisionMissing, refusal.Code);
        Assert.Contains("hf:org/model@v2", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_the_commit_lacks_is_named()
    {
        TestRepository model = scene.AddModel();
        HubFile file = await scene.FileAsync();
        model.Files.Remove("model.safetensors");

        HubException refusal = await ReadAsync(file);

        Assert.Equal(HubErrors.FileMissing, refusal.Code);
        Assert.Contains($"hf:org/model@{model.Commit}/model.safetensors", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, "set HF_TOKEN")]
    [InlineData("hf_anotherSecret", "as the token's owner")]
    public async Task A_gated_model_sends_the_user_to_its_licence(string? token, string advice)
    {
        scene.AddModel(isGated: true, token: HubScene.Token);
        HubFile file = await scene.FileAsync();

        HubException refusal = await ReadAsync(file, token is null ? [] : [("HF_TOKEN", token)]);

        Assert.Equal(HubErrors.Gated, refusal.Code);
        Assert.Contains($"{Server.Endpoint}/org/model", refusal.Advice, StringComparison.Ordinal);
        Assert.Contains(advice, refusal.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_gated_model_is_read_with_the_right_token()
    {
        scene.AddModel(isGated: true, token: HubScene.Token);
        HubFile file = await scene.FileAsync();
        using HubClient client = scene.NewClient(("HF_TOKEN", HubScene.Token));

        Assert.Equal(100, (await HubScene.ReadAsync(client, file, 0, 100)).Length);
    }

    [Fact]
    public async Task A_disabled_model_is_told_apart_from_a_missing_permission()
    {
        scene.AddModel(isDisabled: true);
        Assert.Equal(HubErrors.Disabled, (await ResolveAsync()).Code);

        Server.Add(Fault.Status(Place.Revision, 403, ("X-Error-Message", "not with this token")));
        HubException forbidden = await ResolveAsync();
        Assert.Equal(HubErrors.Forbidden, forbidden.Code);
        Assert.Contains("not with this token", forbidden.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(400)]
    [InlineData(410)]
    [InlineData(416)]
    [InlineData(451)]
    [InlineData(501)]
    public async Task Another_status_is_told_at_once_with_the_reason_of_the_body_and_the_request(int status)
    {
        Server.Add(Fault.Body(Place.Revision, """{"error": ["one reason", "another"], "errors": [{"message": "a third"}]}""", status));

        HubException refusal = await ResolveAsync();

        Assert.Equal(HubErrors.UnexpectedStatus, refusal.Code);
        Assert.Contains($"status {status}: one reason; another; a third", refusal.Message, StringComparison.Ordinal);
        Assert.Single(Server.Exchanges);
    }

    [Fact]
    public async Task The_request_id_is_told_and_control_characters_are_not()
    {
        Server.Add(Fault.Body(Place.Revision, "{\"error\": \"red \\u001b[31m\\nline\"}", 400));
        Assert.Contains("red \\u001b[31m\\nline", (await ResolveAsync()).Message, StringComparison.Ordinal);

        scene.AddModel(isDisabled: true);
        Server.Add(Fault.Status(Place.Revision, 403, ("X-Request-Id", "Root=1-abc")));
        Assert.Contains("request Root=1-abc", (await ResolveAsync()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<html>sign in to the proxy</html>")]
    [InlineData("""{"id": "org/model"}""")]
    [InlineData("""{"sha": "main"}""")]
    [InlineData("""{"sha": 5}""")]
    public async Task An_answer_that_no_Hub_would_give_points_at_proxy_and_endpoint(string body)
    {
        Server.Add(Fault.Body(Place.Revision, body));

        HubException refusal = await ResolveAsync();

        Assert.Equal(HubErrors.NotAHub, refusal.Code);
        Assert.Contains("proxy", refusal.Advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""[{"type": "file", "path": "../../etc/passwd", "size": 1, "oid": "OID"}]""", HubErrors.UnsafePath)]
    [InlineData("""[{"type": "file", "path": "C:\\x", "size": 1, "oid": "OID"}]""", HubErrors.UnsafePath)]
    [InlineData("""[{"type": "file", "path": "/etc/x", "size": 1, "oid": "OID"}]""", HubErrors.UnsafePath)]
    [InlineData("""[{"type": "file", "path": "x", "size": 1, "oid": "../../x"}]""", HubErrors.NotAHub)]
    [InlineData("""[{"type": "file", "path": "x", "size": -1, "oid": "OID"}]""", HubErrors.NotAHub)]
    [InlineData("""[{"type": "file", "path": "x", "size": 1, "oid": "OID", "lfs": {"oid": "no digest"}}]""", HubErrors.NotAHub)]
    [InlineData("""[{"path": "x"}]""", HubErrors.NotAHub)]
    [InlineData("{}", HubErrors.NotAHub)]
    [InlineData("[[", HubErrors.NotAHub)]
    public async Task A_listing_that_is_none_or_leads_outside_is_refused(string listing, string code)
    {
        TestRepository model = scene.AddModel();
        Server.Add(Fault.Body(Place.Tree, listing.Replace("OID", model.Commit, StringComparison.Ordinal)));

        HubException refusal = await HubScene.RefusalAsync(() => scene.Client.ListAsync(new HubCommit(HubScene.Model, model.Commit), CancellationToken.None));

        Assert.Equal(code, refusal.Code);
    }

    [Theory]
    [InlineData("ftp://example.org/x", "to ftp")]
    [InlineData("file:///etc/passwd", "to file")]
    [InlineData(null, "names no target")]
    public async Task A_redirect_to_no_web_server_is_refused(string? location, string reason)
    {
        scene.AddModel();
        HubFile file = await scene.FileAsync();
        Server.Add(location is null ? Fault.Status(Place.Resolve, 302) : Fault.Status(Place.Resolve, 302, ("Location", location)));

        HubException refusal = await ReadAsync(file);

        Assert.Equal(HubErrors.BadRedirect, refusal.Code);
        Assert.Contains(reason, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Redirects_in_a_circle_come_to_an_end()
    {
        scene.AddModel();
        HubFile file = await scene.FileAsync();
        Server.Add(Fault.Status(Place.Resolve, 302, ("Location", "?again")) with { Times = 100 });

        HubException refusal = await ReadAsync(file);

        Assert.Equal(HubErrors.BadRedirect, refusal.Code);
        Assert.Equal(9, Server.Count(Place.Resolve));
    }

    private Task<HubException> ResolveAsync(params (string Name, string Value)[] variables) => HubScene.RefusalAsync(async () =>
    {
        using HubClient client = scene.NewClient(variables);
        await client.ResolveAsync(HubReference.Parse("hf:org/model"), 5, CancellationToken.None);
    });

    private Task<HubException> ReadAsync(HubFile file, params (string Name, string Value)[] variables) => HubScene.RefusalAsync(async () =>
    {
        using HubClient client = scene.NewClient(variables);
        await HubScene.ReadAsync(client, file, 0, 100);
    });
}
