using System.Collections.Immutable;
using ExpoCluster.Cluster.Membership;

namespace ExpoCluster.Cluster.Tests.Membership;

public sealed class FormationRulesTests
{
    private const string Self = "self";

    [Fact]
    public void The_first_node_forms_the_cluster() => Assert.Null(Decide());

    [Fact]
    public void Of_nodes_that_only_wait_nobody_is_waited_for() => Assert.Null(Decide(Waiting("a", 0), Waiting("b", 1)));

    [Fact]
    public void A_member_that_was_seen_lately_is_asked_however_long_it_does_not_answer() =>
        Assert.Equal(["a"], Decide(knocked: 1000, Member("a", 14)));

    [Fact]
    public void Whoever_was_seen_last_is_asked_first() => Assert.Equal(["b", "c", "a"], Decide(Member("a", 9), Member("b", 1), Member("c", 2)));

    [Fact]
    public void A_member_that_nobody_has_seen_for_long_is_asked_for_a_while() => Assert.Equal(["a"], Decide(knocked: 7, Member("a", 3600)));

    [Fact]
    public void When_no_member_was_seen_and_nobody_answers_a_new_cluster_is_formed() => Assert.Null(Decide(knocked: 8, Member("a", 15), Member("b", 3600)));

    [Fact]
    public void One_member_that_was_seen_is_enough_to_wait_for_it() => Assert.Equal(["b", "a"], Decide(knocked: 60, Member("a", 3600), Member("b", 3)));

    [Fact]
    public void What_this_address_was_before_does_not_count() => Assert.Null(Decide(Member(Self, 1)));

    private static ImmutableArray<string>? Decide(params NodeRow[] rows) => Decide(knocked: 0, rows);

    private static ImmutableArray<string>? Decide(int knocked, params NodeRow[] rows) => FormationRules.Decide(rows, Self, TimeSpan.FromSeconds(knocked));

    private static NodeRow Member(string address, int age) => new(address, IsMember: true, TimeSpan.FromSeconds(age));

    private static NodeRow Waiting(string address, int age) => new(address, IsMember: false, TimeSpan.FromSeconds(age));
}
