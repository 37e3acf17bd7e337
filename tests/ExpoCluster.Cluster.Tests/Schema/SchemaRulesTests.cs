using System.Collections.Immutable;
using ExpoCluster.Cluster.Membership;
using ExpoCluster.Cluster.Schema;

namespace ExpoCluster.Cluster.Tests.Schema;

public sealed class SchemaRulesTests
{
    private static readonly ImmutableArray<SchemaStep> Known = [new(1, 1, "one"), new(2, 1, "two"), new(3, 3, "three")];

    [Fact]
    public void A_database_that_says_nothing_gets_all_steps() => Assert.Equal(["one", "two", "three"], Missing(null));

    [Theory]
    [InlineData(1, "two three")]
    [InlineData(2, "three")]
    [InlineData(3, "")]
    [InlineData(4, "")]
    public void A_database_gets_the_steps_behind_its_version_and_no_other(int version, string steps) =>
        Assert.Equal(steps, string.Join(' ', Missing(new SchemaMark(version, OldestNode: 1))));

    [Fact]
    public void One_that_this_program_would_harm_is_refused_with_both_versions()
    {
        ClusterException refusal = Assert.Throws<ClusterException>(() => Missing(new SchemaMark(9, OldestNode: 4)));

        Assert.Equal("EXPO5045", refusal.Code);
        Assert.Contains("version 9", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("this one knows version 3", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Both_databases_have_the_same_versions_in_order()
    {
        Assert.Equal(SchemaSteps.PostgreSql.Select(Numbers), SchemaSteps.Sqlite.Select(Numbers));
        Assert.Equal(Enumerable.Range(1, SchemaSteps.Sqlite.Length), SchemaSteps.Sqlite.Select(step => step.Version));
        Assert.All(SchemaSteps.Sqlite, step => Assert.InRange(step.OldestNode, 1, step.Version));
    }

    private static (int Version, int OldestNode) Numbers(SchemaStep step) => (step.Version, step.OldestNode);

    private static IEnumerable<string> Missing(SchemaMark? found) => SchemaRules.Missing(found, Known).Select(step => step.Sql);
}
