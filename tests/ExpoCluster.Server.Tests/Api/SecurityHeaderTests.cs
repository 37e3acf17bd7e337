using System.Net;
using ExpoCluster.Cluster.Certificates;

namespace ExpoCluster.Server.Tests.Api;

/// <summary>What every answer tells a browser not to do with it.</summary>
public sealed class SecurityHeaderTests : ApiScene
{
    private const string Reader = "reader-token-0123456789ab";

    public override async Task InitializeAsync()
    {
        UseTokens($"{Reader} reader");
        await StartAsync(Reader);
    }

    [Theory]
    [InlineData("/api/jobs", 200)]
    [InlineData("/api/jobs/nothing", 404)]
    [InlineData("/api/nowhere", 404)]
    [InlineData("/openapi/v1.json", 200)]
    [InlineData("/metrics", 200)]
    [InlineData("/health/live", 200)]
    [InlineData("/sign-in", 200)]
    [InlineData("/jobs", 200)]
    [InlineData("/assets/dashboard.css", 200)]
    [InlineData("/jobs/nothing/report.html", 404)]
    public async Task Every_answer_says_what_must_not_be_done_with_it(string path, int status)
    {
        HttpResponseMessage response = await Http.GetAsync(path);

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal("nosniff", Value(response, "X-Content-Type-Options"));
        Assert.Equal("DENY", Value(response, "X-Frame-Options"));
        Assert.Equal("same-origin", Value(response, "Referrer-Policy"));
        Assert.Equal("same-origin", Value(response, "Cross-Origin-Opener-Policy"));
        Assert.Equal("same-origin", Value(response, "Cross-Origin-Resource-Policy"));
        Assert.Contains("camera=()", Value(response, "Permissions-Policy"), StringComparison.Ordinal);
        string policy = Value(response, "Content-Security-Policy");
        Assert.StartsWith("default-src 'none';", policy, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        Assert.False(response.Headers.Contains("Strict-Transport-Security"));
        Assert.False(response.Headers.Contains("Server"));
        Assert.True(response.Headers.CacheControl!.NoStore || path.StartsWith("/assets/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_refusal_has_them_too()
    {
        Http.DefaultRequestHeaders.Authorization = null;

        HttpResponseMessage response = await Http.GetAsync("/api/jobs");

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal("nosniff", Value(response, "X-Content-Type-Options"));
    }

    [Fact]
    public async Task Scripts_of_a_page_come_from_the_node_itself_and_none_stands_in_it()
    {
        HttpResponseMessage response = await Http.GetAsync("/jobs");

        string policy = Value(response, "Content-Security-Policy");
        Assert.Contains("script-src 'self';", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe-eval", policy, StringComparison.Ordinal);
        string html = await response.Content.ReadAsStringAsync();
        Assert.Contains("<script src=\"/assets/", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<script>", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Data_may_load_nothing() =>
        Assert.Equal("default-src 'none'; frame-ancestors 'none'", Value(await Http.GetAsync("/api/jobs"), "Content-Security-Policy"));

    [Theory]
    [InlineData("node.example", true)]
    [InlineData("localhost", false)]
    public async Task Over_HTTPS_a_browser_is_told_to_stay_there(string name, bool isTold)
    {
        using var authority = new EndToEnd.TestAuthority(Pair.Root, "ours");
        string[] files = authority.OptionsFor("node");
        await StopAsync();
        Certificate = NodeCertificate.Read(files[1], files[3], files[5], TimeProvider.System.GetUtcNow());
        await StartAsync(Reader, new Uri("https://127.0.0.1:0"));
        using var trusting = new HttpClient(new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, shown, _, _) => shown!.Subject == "CN=node" }) { BaseAddress = Node.Http };
        using var request = new HttpRequestMessage(HttpMethod.Get, "/health/live");
        request.Headers.Host = name;

        HttpResponseMessage response = await trusting.SendAsync(request);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(isTold, response.Headers.TryGetValues("Strict-Transport-Security", out IEnumerable<string>? told));
        Assert.True(!isTold || told!.Single() == "max-age=31536000");
    }

    [Fact]
    public async Task Where_HTTPS_is_served_plain_HTTP_is_not_answered()
    {
        using var authority = new EndToEnd.TestAuthority(Pair.Root, "ours");
        string[] files = authority.OptionsFor("node");
        await StopAsync();
        Certificate = NodeCertificate.Read(files[1], files[3], files[5], TimeProvider.System.GetUtcNow());
        await StartAsync(Reader, new Uri("https://127.0.0.1:0"));
        using var plain = new HttpClient();

        await Assert.ThrowsAsync<HttpRequestException>(() => plain.GetAsync(new UriBuilder(Node.Http!) { Scheme = "http", Path = "/health/live" }.Uri));
    }

    private static string Value(HttpResponseMessage response, string header) =>
        Assert.Single(response.Headers.TryGetValues(header, out IEnumerable<string>? values) ? values : response.Content.Headers.GetValues(header));
}
