using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using ExpoCluster.Client;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Client.Problems;
using ExpoCluster.Server.Access;
using ExpoCluster.Server.Tests.Api;

namespace ExpoCluster.Server.Tests.Access;

/// <summary>A node that takes the tokens of an authority.</summary>
public sealed class OidcTests : ApiScene
{
    private OidcServer authority = null!;

    public override async Task InitializeAsync()
    {
        authority = await OidcServer.StartAsync();
        Oidc = OidcAuthority.Parse($"{authority.Address},{OidcServer.Audience}", out _);
        await StartAsync(authority.Sign(authority.Claims()));
    }

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        await authority.DisposeAsync();
    }

    [Fact]
    public async Task An_operators_token_submits_and_its_name_stands_in_the_job()
    {
        Job job = await FinishedAsync(Recipe());

        Assert.Equal(("done", "ada"), (job.State, job.SubmittedBy));
    }

    [Theory]
    [InlineData("aud", "somebody-else", "made for others")]
    [InlineData("iss", "https://elsewhere.example", "another authority")]
    [InlineData("exp", -120, "expired on")]
    [InlineData("nbf", 600, "not valid yet")]
    [InlineData("exp", null, "not signed")]
    public async Task A_token_of_which_something_is_wrong_is_refused_with_the_reason(string claim, object? value, string reason)
    {
        JsonObject claims = authority.Claims();
        claims[claim] = value switch { null => null, int seconds => OidcServer.Now(seconds), _ => (string)value };
        if (value is null)
        {
            claims.Remove(claim);
        }

        Problem problem = await RefusedAsync(authority.Sign(claims));

        Assert.Equal((401, "EXPO5101"), (problem.Status, problem.Code));
        Assert.Contains(reason, problem.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_that_the_authority_did_not_sign_is_refused()
    {
        JsonObject claims = authority.Claims();
        string good = authority.Sign(claims);
        string changed = good.Replace(good.Split('.')[1], authority.Sign(authority.Claims("expocluster-reader")).Split('.')[1], StringComparison.Ordinal);

        foreach (string token in new[]
        {
            authority.SignWithOtherKey(claims), authority.SignWithPublicKey(claims), OidcServer.DoNotSign(claims), changed, good[..good.LastIndexOf('.')] + ".", "no token", "a.b.c",
        })
        {
            Problem problem = await RefusedAsync(token);
            Assert.Equal((401, "EXPO5101"), (problem.Status, problem.Code));
            Assert.Contains("not signed", problem.Detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Without_a_token_nothing_is_told()
    {
        Problem problem = await RefusedAsync(token: null);

        Assert.Equal((401, "EXPO5101"), (problem.Status, problem.Code));
    }

    [Theory]
    [InlineData("roles", "expocluster-reader")]
    [InlineData("role", "expocluster-reader")]
    [InlineData("groups", "expocluster-reader")]
    public async Task A_reader_may_look_but_not_act(string claim, string role)
    {
        JsonObject claims = authority.Claims();
        claims.Remove("roles");
        claims[claim] = role;
        using var reader = new ExpoClusterClient(Node.Http!, authority.Sign(claims));

        Assert.Empty((await reader.ListAsync(new JobQuery())).Jobs);
        await AssertMayNotActAsync(reader);
    }

    [Fact]
    public async Task Whoever_has_no_role_here_sees_nothing()
    {
        Problem problem = await RefusedAsync(authority.Sign(authority.Claims("operator")));

        Assert.Equal((403, "EXPO5102"), (problem.Status, problem.Code));
        Assert.Contains("'ada' has no role here", problem.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task While_the_authority_is_away_nobody_is_told_that_his_token_is_bad()
    {
        string token = authority.Sign(authority.Claims());
        await StopAsync();
        await authority.DisposeAsync();
        await StartAsync(token);

        HttpResponseMessage response = await Http.GetAsync("/api/jobs");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Equal("EXPO5112", (string?)JsonNode.Parse(await response.Content.ReadAsStringAsync())!["code"]);
    }

    [Fact]
    public async Task A_browser_signs_in_with_a_token_for_as_long_as_it_is_good()
    {
        using var browser = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = Node.Http };
        browser.DefaultRequestHeaders.Accept.ParseAdd("text/html");
        JsonObject claims = authority.Claims("expocluster-reader");
        // Longer than the four kilobytes of one cookie.
        claims["groups"] = new JsonArray([.. Enumerable.Range(0, 200).Select(number => JsonValue.Create($"a-group-with-a-long-name-{number}"))]);

        HttpResponseMessage stranger = await browser.GetAsync("/jobs");
        HttpResponseMessage wrong = await SignInAsync(browser, authority.SignWithOtherKey(claims));
        HttpResponseMessage roleless = await SignInAsync(browser, authority.Sign(authority.Claims("nothing")));
        HttpResponseMessage entered = await SignInAsync(browser, authority.Sign(claims));

        Assert.Equal(HttpStatusCode.Redirect, stranger.StatusCode);
        Assert.Contains("was not signed by", await wrong.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Contains("gives no role here", await roleless.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.False(wrong.Headers.Contains("Set-Cookie") || roleless.Headers.Contains("Set-Cookie"));
        Assert.Equal((HttpStatusCode.Redirect, "/"), (entered.StatusCode, entered.Headers.Location!.OriginalString));
        string[] cookies = [.. entered.Headers.GetValues("Set-Cookie")];
        Assert.True(cookies.Length > 1);
        Assert.All(cookies, cookie =>
        {
            Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
            Assert.Contains("samesite=strict", cookie, StringComparison.OrdinalIgnoreCase);
            Assert.InRange(int.Parse(cookie.Split("max-age=")[1].Split(';')[0], null), 500, 600);
        });
        Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync("/jobs")).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await browser.GetAsync("/api/jobs")).StatusCode);
    }

    private static Task<HttpResponseMessage> SignInAsync(HttpClient browser, string token) =>
        browser.PostAsync("/sign-in", new FormUrlEncodedContent([new("token", token)]));

    private async Task<Problem> RefusedAsync(string? token)
    {
        Http.DefaultRequestHeaders.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        HttpResponseMessage response = await Http.GetAsync("/api/jobs");
        Assert.Equal(Problem.MediaType, response.Content.Headers.ContentType!.MediaType);
        return System.Text.Json.JsonSerializer.Deserialize(await response.Content.ReadAsStringAsync(), ContractJson.Default.Problem)!;
    }
}
