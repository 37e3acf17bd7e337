using ExpoCluster.Core.Publishing;

namespace ExpoCluster.Core.Tests.Publishing;

/// <summary>A result that is no number is named by its tensor, or nobody finds it among a thousand.</summary>
public sealed class NotFiniteTensorsTests
{
    [Fact]
    public void Tensors_with_NaN_infinities_and_overflow_are_named_with_how_many_each_has()
    {
        NotFiniteTensors found = NotFiniteTensors.Of([Tensor("sound"), Tensor("a.weight", nan: 3), Tensor("b.weight", infinite: 5, overflowed: 2), Tensor("c", infinite: 1, overflowed: 1)])!;

        Assert.Equal(3, found.Count);
        Assert.Equal("3 tensors: a.weight (3 NaN), b.weight (2 overflowed, 3 infinite), c (1 overflowed)", found.Describe());
    }

    [Fact]
    public void Of_many_only_the_first_are_named_and_all_are_counted()
    {
        NotFiniteTensors found = NotFiniteTensors.Of([.. Enumerable.Range(0, 100).Select(i => Tensor($"t{i}", nan: 1))])!;

        Assert.Equal((100, NotFiniteTensors.MostNamed), (found.Count, found.First.Length));
        Assert.EndsWith(" and 88 more", found.Describe(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_from_a_file_cannot_drive_a_terminal() => Assert.Contains(
        "a\\u001b[2J (1 NaN)", NotFiniteTensors.Of([Tensor("a\u001b[2J", nan: 1)])!.Describe(), StringComparison.Ordinal);

    [Fact]
    public void Where_every_result_is_a_number_there_is_nothing_to_tell() => Assert.Null(NotFiniteTensors.Of([Tensor("a"), Tensor("b")]));

    private static ProvenanceTensor Tensor(string name, long nan = 0, long infinite = 0, long overflowed = 0) =>
        new(name, 0.5, new ProvenanceSums(10, 10, 0, 0.5, 1, 1, 1, nan, infinite, overflowed));
}
