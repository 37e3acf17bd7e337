using System.Net;
using ExpoCluster.Core.Hub;

namespace ExpoCluster.Core.Tests.Hub.Hostile;

public sealed class HubNeighbourhoodTests
{
    private const string Internet = "93.184.216.34";
    private const string Company = "10.1.2.3";
    private const string Machine = "127.0.0.1";

    [Theory]
    [InlineData(Internet, "2606:2800:220:1::1", true)]
    [InlineData(Internet, Company, false)]
    [InlineData(Internet, "172.16.0.1", false)]
    [InlineData(Internet, "192.168.1.1", false)]
    [InlineData(Internet, "100.64.0.1", false)]
    [InlineData(Internet, "fd00::1", false)]
    [InlineData(Internet, "::ffff:10.0.0.1", false)]
    [InlineData(Internet, "64:ff9b::a00:1", false)]
    [InlineData(Internet, Machine, false)]
    [InlineData(Internet, "127.255.255.254", false)]
    [InlineData(Internet, "::1", false)]
    [InlineData(null, Machine, false)]
    [InlineData(null, Internet, true)]
    [InlineData(Company, Internet, true)]
    [InlineData(Company, "192.168.1.1", true)]
    [InlineData(Company, "::1", false)]
    [InlineData(Machine, Machine, true)]
    [InlineData(Machine, Company, true)]
    [InlineData(Machine, Internet, true)]
    [InlineData(Machine, "169.254.169.254", false)]
    [InlineData(Machine, "fe80::1", false)]
    [InlineData(Machine, "0.0.0.0", false)]
    [InlineData(Machine, "::", false)]
    [InlineData(Machine, "224.0.0.1", false)]
    [InlineData(Machine, "ff02::1", false)]
    [InlineData("169.254.1.1", "169.254.169.254", false)]
    public void A_Hub_sends_its_clients_as_near_as_it_is_itself(string? hub, string target, bool may) =>
        Assert.Equal(may, HubNeighbourhood.MaySend(hub is null ? null : IPAddress.Parse(hub), IPAddress.Parse(target)));

    [Theory]
    [InlineData("localhost", "127.0.0.1")]
    [InlineData("hub.localhost", "127.0.0.1")]
    [InlineData("10.0.0.1", "10.0.0.1")]
    [InlineData("[fe80::1]", "fe80::1")]
    [InlineData("huggingface.co", null)]
    public void Some_names_are_addresses_by_themselves(string host, string? address) =>
        Assert.Equal(address is null ? null : IPAddress.Parse(address), HubNeighbourhood.AddressIn(host));
}
