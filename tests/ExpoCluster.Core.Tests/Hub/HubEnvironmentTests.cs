using ExpoCluster.Core.Hub;

namespace ExpoCluster.Core.Tests.Hub;

public sealed class HubEnvironmentTests : IDisposable
{
    private readonly TemporaryDirectory home = new();

    public void Dispose() => home.Dispose();

    [Fact]
    public void Without_variables_cache_and_endpoint_are_those_of_all_tools()
    {
        HubEnvironment environment = Read();

        Assert.Equal(new Uri("https://huggingface.co"), environment.Endpoint);
        Assert.Equal(home.PathOf(".cache", "huggingface", "hub"), environment.CacheDirectory);
        Assert.Null(environment.Token);
        Assert.False(environment.IsOffline);
        Assert.True(environment.UsesLinks);
        Assert.Equal((10, 10), (environment.AnswerTimeout.TotalSeconds, environment.ReadTimeout.TotalSeconds));
    }

    [Theory]
    [InlineData("/x/hub", "HF_HUB_CACHE=/x/hub", "HUGGINGFACE_HUB_CACHE=/old", "HF_HOME=/home", "XDG_CACHE_HOME=/xdg")]
    [InlineData("/old", "HUGGINGFACE_HUB_CACHE=/old", "HF_HOME=/home")]
    [InlineData("/home/hub", "HF_HUB_CACHE=", "HF_HOME=/home", "XDG_CACHE_HOME=/xdg")]
    [InlineData("/xdg/huggingface/hub", "XDG_CACHE_HOME=/xdg")]
    [InlineData("/data/me/hub", "HF_HOME=$DISK/${WHO}", "DISK=/data", "WHO=me")]
    public void The_more_exact_variable_wins(string cache, params string[] variables) =>
        Assert.Equal(cache, Read(variables).CacheDirectory);

    [Fact]
    public void A_tilde_is_the_users_directory() => Assert.Equal(home.PathOf("cache"), Read("HF_HUB_CACHE=~/cache").CacheDirectory);

    [Theory]
    [InlineData("one", "HF_TOKEN= one\r\n", "HUGGING_FACE_HUB_TOKEN=two")]
    [InlineData("two", "HF_TOKEN=  ", "HUGGING_FACE_HUB_TOKEN=two")]
    [InlineData("three")]
    [InlineData(null, "HF_HUB_DISABLE_IMPLICIT_TOKEN=yes", "HF_TOKEN=one")]
    [InlineData("four", "HF_TOKEN_PATH=~/elsewhere")]
    public void The_token_comes_from_variables_before_the_file(string? token, params string[] variables)
    {
        home.Write(".cache/huggingface/token", "three\n");
        home.Write("elsewhere", "four");

        Assert.Equal(token is null ? null : "Bearer " + token, Read(variables).Token?.ToHeader());
    }

    [Fact]
    public void A_token_has_no_text()
    {
        HubEnvironment environment = Read("HF_TOKEN=hf_secret");

        Assert.DoesNotContain("secret", environment.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("secret", $"{environment.Token}", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HF_TOKEN=hf secret")]
    [InlineData("HF_TOKEN=hf\nsecret")]
    [InlineData("HF_TOKEN=hf_sécret")]
    [InlineData("HF_ENDPOINT=huggingface.co")]
    [InlineData("HF_ENDPOINT=file:///x")]
    [InlineData("HF_ENDPOINT=https://user:secret@host")]
    [InlineData("HF_HUB_ETAG_TIMEOUT=soon")]
    [InlineData("HF_HUB_DOWNLOAD_TIMEOUT=-1")]
    public void A_variable_without_meaning_is_named(string variable)
    {
        HubException refusal = Assert.Throws<HubException>(() => Read(variable));

        Assert.Equal(HubErrors.BadEnvironment, refusal.Code);
        Assert.StartsWith(variable.Split('=')[0], refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hf_s", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, "HF_HUB_OFFLINE=1")]
    [InlineData(true, "HF_HUB_OFFLINE=True")]
    [InlineData(true, "HF_HUB_OFFLINE=", "TRANSFORMERS_OFFLINE=on")]
    [InlineData(false, "HF_HUB_OFFLINE=0", "TRANSFORMERS_OFFLINE=1")]
    [InlineData(false, "HF_HUB_OFFLINE=maybe")]
    public void Offline_is_said_in_two_ways(bool isOffline, params string[] variables) => Assert.Equal(isOffline, Read(variables).IsOffline);

    [Fact]
    public void A_slash_at_the_end_of_the_endpoint_does_not_matter() =>
        Assert.Equal(new Uri("https://mirror.example/hub"), Read("HF_ENDPOINT=https://mirror.example/hub/").Endpoint);

    private HubEnvironment Read(params string[] variables) =>
        HubEnvironment.Of(variables.Select(text => text.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]), home.Path);
}
