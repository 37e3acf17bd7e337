using System.Net;
using ExpoCluster.Server.Tests.Api;

namespace ExpoCluster.Server.Tests.Dashboard;

public sealed class UnknownPagesTests : ApiScene
{
    [Theory]
    [InlineData("/nowhere")]
    [InlineData("/jobs/a/b/c")]
    public async Task A_browser_is_shown_a_page_with_a_way_back(string path)
    {
        HttpResponseMessage response = await GetAsync(path, "text/html,application/xhtml+xml,*/*;q=0.8");
        string html = await response.Content.ReadAsStringAsync();

        Assert.Equal((HttpStatusCode.NotFound, "text/html"), (response.StatusCode, response.Content.Headers.ContentType!.MediaType));
        Assert.Contains($"<code>{path}</code>", html, StringComparison.Ordinal);
        Assert.Contains("<a class=\"button\" href=\"/\">", html, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/nowhere", "*/*")]
    [InlineData("/nowhere", "application/json")]
    [InlineData("/api/nowhere", "text/html")]
    public async Task Programs_are_told_as_ever(string path, string accept)
    {
        HttpResponseMessage response = await GetAsync(path, accept);

        Assert.Equal((HttpStatusCode.NotFound, "application/problem+json"), (response.StatusCode, response.Content.Headers.ContentType!.MediaType));
        Assert.Contains("EXPO5106", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_is_shown_as_text()
    {
        string html = await (await GetAsync("/%3Cscript%3Ealert(1)%3C/script%3E", "text/html")).Content.ReadAsStringAsync();

        Assert.DoesNotContain("<script", html, StringComparison.Ordinal);
        Assert.Contains("&lt;script", html, StringComparison.Ordinal);
    }

    private async Task<HttpResponseMessage> GetAsync(string path, string accept)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.Clear();
        Assert.True(request.Headers.TryAddWithoutValidation("Accept", accept));
        return await Http.SendAsync(request);
    }
}
