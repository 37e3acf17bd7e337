using ExpoCluster.Cluster.Membership;

namespace ExpoCluster.Cluster.Tests.Membership;

public sealed class DeadMemberRulesTests
{
    private const string Other = "akka.ssl.tcp://expocluster@10.0.0.2:4053";
    private const string Third = "akka.ssl.tcp://expocluster@10.0.0.3:4053";

    [Theory]
    [InlineData(0, false)]
    [InlineData(7.9, false)]
    [InlineData(8, true)]
    [InlineData(3600, true)]
    public void Whoever_neither_answers_nor_is_seen_is_dead(double age, bool isDead) =>
        Assert.Equal(isDead ? [Other] : [], Find([Other], [Row(Other, age), Row(Third, 0)], hasDatabaseFor: 60));

    [Fact]
    public void Whoever_is_not_seen_but_answers_is_well() => Assert.Empty(Find([], [Row(Other, 3600)], hasDatabaseFor: 60));

    [Fact]
    public void Whoever_has_no_row_is_dead() => Assert.Equal([Other], Find([Other], [Row(Third, 0)], hasDatabaseFor: 60));

    [Fact]
    public void After_an_outage_of_the_database_nobody_is_dead() => Assert.Empty(Find([Other], [Row(Other, 3600)], hasDatabaseFor: 7.9));

    private static string[] Find(string[] unreachable, NodeRow[] rows, double hasDatabaseFor) =>
        [.. DeadMemberRules.Find(unreachable, rows, TimeSpan.FromSeconds(hasDatabaseFor))];

    private static NodeRow Row(string address, double age) => new(address, IsMember: true, TimeSpan.FromSeconds(age));
}
