using System.Globalization;
using ExpoCluster.Core.Samples;

namespace ExpoCluster.Repository;

/// <summary>The table of published models says what the samples are made from.</summary>
public sealed class ModelTableTests
{
    public static TheoryData<string> Names => [.. PublishedPair.All.Select(pair => pair.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_row_of_a_model_is_right(string name) =>
        Assert.Contains(RowOf(PublishedPair.Find(name)!), Tree.Read("docs/models.md").Split('\n'));

    [Fact]
    public void There_is_a_row_for_each_model_and_no_other() =>
        Assert.Equal(PublishedPair.All.Length, Tree.Read("docs/models.md").Split('\n').Count(line => line.EndsWith(" GB |", StringComparison.Ordinal)));

    private static string RowOf(PublishedPair pair)
    {
        var tensors = pair.Aligned.Family.Tensors(hasRotaryBuffers: false);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"| {pair.Name} | {pair.Aligned.Family.Name} | {tensors.Sum(tensor => tensor.ElementCount):N0} | {tensors.Length} | {Describe(pair.Base)} | {Describe(pair.Aligned)} | {tensors.Sum(tensor => tensor.ByteCount) / 1e9:0.00} GB |");
    }

    private static string Describe(PublishedModel model)
    {
        string[] oddities =
        [
            .. model.HasRotaryBuffers ? [$"{model.Family.Layers} buffers"] : Array.Empty<string>(),
            .. model.HasOversizedStorage ? ["an oversized storage"] : Array.Empty<string>(),
            .. model.HasTrainingArguments ? ["`training_args.bin`"] : Array.Empty<string>(),
        ];
        return string.Join(", ", [model.FileText.Replace(".bin", "`.bin`", StringComparison.Ordinal), .. oddities]);
    }
}
