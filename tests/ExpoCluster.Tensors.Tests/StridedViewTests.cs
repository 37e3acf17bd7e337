using System.Collections.Immutable;

namespace ExpoCluster.Tensors.Tests;

public sealed class StridedViewTests
{
    [Fact]
    public void Runs_of_any_range_are_the_elements_in_row_major_order()
    {
        var random = new Random(5);
        for (int round = 0; round < 3000; round++)
        {
            long[] shape = [.. Enumerable.Range(0, random.Next(0, 5)).Select(_ => (long)random.Next(0, 5))];
            long[] strides = [.. shape.Select(_ => (long)random.Next(0, 9))];
            long[] all = [.. Elements(shape, strides)];
            var view = new StridedView([.. shape], [.. strides]);
            int first = random.Next(0, all.Length + 1);
            int count = random.Next(0, all.Length - first + 1);

            long[] found = [.. view.Runs(first, count).SelectMany(run => Enumerable.Range(0, (int)run.Count).Select(i => run.Offset + (i * run.Stride)))];

            Assert.Equal(all[first..(first + count)], found);
            Assert.Equal(all.Length == 0 ? 0 : all.Max() + 1, (long)view.Span);
        }
    }

    [Theory]
    [InlineData(true, new long[] { 2, 3 }, new long[] { 3, 1 })]
    [InlineData(true, new long[] { 1, 3 }, new long[] { 99, 1 })]
    [InlineData(true, new long[] { 0, 3 }, new long[] { 99, 7 })]
    [InlineData(true, new long[] { }, new long[] { })]
    [InlineData(false, new long[] { 2, 3 }, new long[] { 1, 2 })]
    [InlineData(false, new long[] { 3 }, new long[] { 0 })]
    [InlineData(false, new long[] { 2, 3 }, new long[] { 4, 1 })]
    public void Contiguous_is_what_has_no_gaps_and_its_order(bool expected, long[] shape, long[] strides) =>
        Assert.Equal(expected, StridedView.IsContiguous([.. shape], [.. strides]));

    [Fact]
    public void A_span_beyond_any_file_does_not_overflow() =>
        Assert.True(new StridedView(ImmutableArray.Create(long.MaxValue, long.MaxValue), ImmutableArray.Create(long.MaxValue, long.MaxValue)).Span > long.MaxValue);

    private static IEnumerable<long> Elements(long[] shape, long[] strides) => shape.Length == 0
        ? [0]
        : Enumerable.Range(0, (int)shape[0]).SelectMany(i => Elements(shape[1..], strides[1..]).Select(rest => (i * strides[0]) + rest));
}
