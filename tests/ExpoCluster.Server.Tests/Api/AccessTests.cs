using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using ExpoCluster.Client;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Client.Problems;

namespace ExpoCluster.Server.Tests.Api;

public sealed class AccessTests : ApiScene
{
    private const string Operator = "operator-token-0123456789";
    private const string Reader = "reader-token-0123456789ab";

    public override async Task InitializeAsync()
    {
        UseTokens("# who may do what", $"{Operator} operator alice", "", $"{Reader} reader");
        await StartAsync(Operator);
    }

    [Fact]
    public async Task A_job_knows_who_submitted_it() => Assert.Equal("alice", (await FinishedAsync(Recipe())).SubmittedBy);

    [Theory]
    [InlineData(null)]
    [InlineData("a-token-of-nobody-0123456")]
    public async Task Without_a_token_of_the_file_nothing_is_told(string? token)
    {
        using var stranger = new ExpoClusterClient(Node.Http!, token);

        ExpoClusterException refusal = await Assert.ThrowsAsync<ExpoClusterException>(() => stranger.ListAsync(new JobQuery()));

        Assert.Equal((401, "EXPO5101"), (refusal.Problem.Status, refusal.Code));
    }

    [Fact]
    public async Task A_refusal_says_how_to_come_in()
    {
        Http.DefaultRequestHeaders.Authorization = null;

        HttpResponseMessage response = await Http.GetAsync("/api/cluster");

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal("Bearer", response.Headers.WwwAuthenticate.Single().Scheme);
        Assert.Equal(Problem.MediaType, response.Content.Headers.ContentType!.MediaType);
    }

    [Theory]
    [InlineData(Operator, HttpStatusCode.OK)]
    [InlineData(Reader, HttpStatusCode.OK)]
    [InlineData("a-token-of-nobody-0123456", HttpStatusCode.Unauthorized)]
    [InlineData(null, HttpStatusCode.Unauthorized)]
    public async Task Metrics_are_for_whoever_may_look(string? token, HttpStatusCode expected)
    {
        Http.DefaultRequestHeaders.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);

        Assert.Equal(expected, (await Http.GetAsync("/metrics")).StatusCode);
    }

    [Fact]
    public async Task The_cookie_of_the_dashboard_opens_its_pages_but_not_the_API()
    {
        using var browser = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = Node.Http };
        browser.DefaultRequestHeaders.Accept.ParseAdd("text/html");

        HttpResponseMessage stranger = await browser.GetAsync("/jobs?state=done");
        HttpResponseMessage entered = await browser.PostAsync("/sign-in", new FormUrlEncodedContent([new("token", Reader), new("page", "/jobs")]));

        Assert.Equal((HttpStatusCode.Redirect, "/sign-in?page=%2Fjobs%3Fstate%3Ddone"), (stranger.StatusCode, stranger.Headers.Location!.OriginalString));
        Assert.Equal((HttpStatusCode.Redirect, "/jobs"), (entered.StatusCode, entered.Headers.Location!.OriginalString));
        string cookie = Assert.Single(entered.Headers.GetValues("Set-Cookie"));
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=strict", cookie, StringComparison.OrdinalIgnoreCase);
        // The handler's own cookie container sends it from here on.
        Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync("/jobs")).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await browser.GetAsync("/api/jobs")).StatusCode);
    }

    [Theory]
    [InlineData("//elsewhere.example")]
    [InlineData("https://elsewhere.example")]
    [InlineData("/\\elsewhere.example")]
    public async Task Signing_in_leads_to_a_page_of_this_server(string page)
    {
        using var browser = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = Node.Http };

        HttpResponseMessage entered = await browser.PostAsync("/sign-in", new FormUrlEncodedContent([new("token", Reader), new("page", page)]));

        Assert.Equal("/", entered.Headers.Location!.OriginalString);
    }

    [Fact]
    public async Task A_reader_may_look_but_not_act()
    {
        await FinishedAsync(Recipe(id: "mine"));
        using var reader = new ExpoClusterClient(Node.Http!, Reader);

        Assert.Single((await reader.ListAsync(new JobQuery())).Jobs);
        Assert.Equal("done", (await reader.ShowAsync("mine")).State);
        await AssertMayNotActAsync(reader);
    }

    [Fact]
    public async Task Health_needs_no_token()
    {
        Http.DefaultRequestHeaders.Authorization = null;

        Assert.Equal(HttpStatusCode.OK, (await Http.GetAsync("/health/live")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await Http.GetAsync("/health/ready")).StatusCode);
    }

    [Fact]
    public async Task A_page_of_another_site_is_refused_even_with_a_token()
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, "/api/jobs/mine");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Operator);
        request.Headers.Add("Origin", "https://elsewhere.example");

        HttpResponseMessage response = await Http.SendAsync(request);

        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Equal("EXPO5107", (string?)JsonNode.Parse(await response.Content.ReadAsStringAsync())!["code"]);
    }
}
