using ExpoCluster.Core.Parts;

namespace ExpoCluster.Core.Tests.Parts;

public sealed class WriteLeaseRevivalTests
{
    private readonly ManualClock clock = new();

    [Fact]
    public void A_lease_that_ran_out_is_not_extended_by_an_answer_that_comes_late()
    {
        var lease = new WriteLease(clock, TimeSpan.FromSeconds(10));
        clock.Advance(TimeSpan.FromSeconds(10));

        lease.Extend(TimeSpan.FromSeconds(10));

        Assert.False(lease.IsValid);
    }

    [Fact]
    public void A_revoked_lease_is_not_extended()
    {
        var lease = new WriteLease(clock, TimeSpan.FromSeconds(10));
        lease.Revoke();

        lease.Extend(TimeSpan.FromSeconds(10));

        Assert.False(lease.IsValid);
    }

    [Fact]
    public void A_living_lease_is_extended_from_now_on()
    {
        var lease = new WriteLease(clock, TimeSpan.FromSeconds(10));
        clock.Advance(TimeSpan.FromSeconds(8));
        lease.Extend(TimeSpan.FromSeconds(10));
        clock.Advance(TimeSpan.FromSeconds(9));
        Assert.True(lease.IsValid);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.False(lease.IsValid);
    }

    [Fact]
    public void Progress_adds_up()
    {
        var lease = new WriteLease(clock, TimeSpan.FromSeconds(10));
        lease.Advance(100);
        lease.Advance(28);
        Assert.Equal(128, lease.BytesDone);
    }
}
