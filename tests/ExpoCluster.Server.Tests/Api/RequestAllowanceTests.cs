using ExpoCluster.Server.Api;
using ExpoCluster.Server.Tests.Jobs;

namespace ExpoCluster.Server.Tests.Api;

public sealed class RequestAllowanceTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly SteppedClock clock = new();

    [Fact]
    public void Whoever_has_used_his_share_up_waits_for_the_next_period_and_nobody_else_does()
    {
        var allowance = new RequestAllowance(3, 2, Second, clock);

        Assert.All(Enumerable.Range(0, 3), _ => Assert.Null(allowance.Take("ada")));
        Assert.Equal(Second, allowance.Take("ada"));
        Assert.Null(allowance.Take("bob"));

        clock.Advance(Second * 0.75);
        Assert.Equal(Second * 0.25, allowance.Take("ada"));
        clock.Advance(Second * 0.25);
        Assert.All(Enumerable.Range(0, 2), _ => Assert.Null(allowance.Take("ada")));
        Assert.Equal(Second, allowance.Take("ada"));
    }

    [Fact]
    public void A_share_is_never_more_than_it_was_at_first()
    {
        var allowance = new RequestAllowance(3, 2, Second, clock);
        Assert.Null(allowance.Take("ada"));

        clock.Advance(TimeSpan.FromDays(400));

        Assert.All(Enumerable.Range(0, 3), _ => Assert.Null(allowance.Take("ada")));
        Assert.NotNull(allowance.Take("ada"));
    }

    [Fact]
    public void However_many_have_asked_who_has_used_his_share_up_is_known()
    {
        var allowance = new RequestAllowance(2, 1, Second, clock);
        Assert.Null(allowance.Take("ada"));
        Assert.Null(allowance.Take("ada"));

        Assert.All(Enumerable.Range(0, 5000), number => Assert.Null(allowance.Take($"stranger {number}")));

        Assert.NotNull(allowance.Take("ada"));
    }
}
