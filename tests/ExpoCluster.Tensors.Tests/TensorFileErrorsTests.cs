using System.Reflection;

namespace ExpoCluster.Tensors.Tests;

public sealed class TensorFileErrorsTests
{
    private static readonly string[] Codes =
        [.. typeof(TensorFileErrors).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (string)field.GetValue(null)!)];

    [Fact]
    public void Every_code_is_given_once()
    {
        Assert.NotEmpty(Codes);
        Assert.Equal(Codes.Distinct(StringComparer.Ordinal), Codes);
    }

    [Fact]
    public void The_documentation_has_one_row_for_every_code_and_no_other()
    {
        IEnumerable<string> documented =
            from line in File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "docs", "errors.md"))
            where line.StartsWith("| EXPO10", StringComparison.Ordinal)
            select line.Split('|')[1].Trim();

        Assert.Equal(Codes.Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_code_belongs_to_one_rule()
    {
        IEnumerable<string> ruled =
            from type in typeof(TensorFileErrors).Assembly.GetTypes()
            from field in type.GetFields(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static)
            where field.FieldType == typeof(TensorFileRule)
            select ((TensorFileRule)field.GetValue(null)!).Code;

        Assert.Equal(Codes.Order(StringComparer.Ordinal), ruled.Order(StringComparer.Ordinal));
    }
}
