using System.Net;
using ExpoCluster.Cluster.Hosting;

namespace ExpoCluster.Server.Tests.Api;

/// <summary>A node without the role web: whoever runs it may ask how it is, and nobody anything else.</summary>
public sealed class HealthOnlyTests : ApiScene
{
    public HealthOnlyTests() => Roles = [NodeSettings.CoordinatorRole];

    [Fact]
    public async Task It_says_how_it_is()
    {
        Assert.Equal(HttpStatusCode.OK, (await Http.GetAsync("/health/ready")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await Http.GetAsync("/health/live")).StatusCode);
    }

    [Fact]
    public async Task It_serves_its_metrics() => Assert.Contains("expocluster_node_info{", await Http.GetStringAsync("/metrics"), StringComparison.Ordinal);

    [Theory]
    [InlineData("/api/jobs")]
    [InlineData("/api/cluster")]
    [InlineData("/openapi/v1.json")]
    public async Task It_serves_nothing_else(string path) => Assert.Equal(HttpStatusCode.NotFound, (await Http.GetAsync(path)).StatusCode);
}
