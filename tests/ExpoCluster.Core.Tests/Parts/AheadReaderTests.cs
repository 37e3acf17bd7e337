using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;

namespace ExpoCluster.Core.Tests.Parts;

public sealed class AheadReaderTests : IDisposable
{
    private readonly SmallPair pair = new(("model.safetensors", "t", 2_250_000));
    private readonly InputFiles inputs;
    private readonly byte[] file;
    private readonly byte[] scratch = new byte[1 << 20];
    private readonly AheadReader reader = new();

    public AheadReaderTests()
    {
        Plan plan = pair.Plan().Plan;
        inputs = new InputFiles(plan);
        file = new byte[plan.Inputs[0].ByteLength];
        new Random(1).NextBytes(file);
        File.WriteAllBytes(plan.Inputs[0].Path, file);
    }

    public void Dispose()
    {
        reader.Dispose();
        inputs.Dispose();
        pair.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Runs_come_in_their_order_whatever_pieces_are_asked_for(bool direct)
    {
        var random = new Random(7);
        InputSlice[] runs = [Slice(5_000_001, 7_300_000), Slice(10, 12), Slice(1_048_576, 4_000_000), Slice(file.Length - 5000, file.Length)];
        reader.Begin(inputs, runs, direct);
        foreach (InputSlice run in runs)
        {
            for (long offset = run.Begin; offset < run.End;)
            {
                int count = (int)Math.Min(run.End - offset, random.Next(1, 300_000));
                AssertRead(offset, count);
                offset += count;
            }
        }
    }

    [Fact]
    public void The_end_of_what_was_read_before_can_be_read_again()
    {
        reader.Begin(inputs, [Slice(0, 5_000_000)], direct: true);
        AssertRead(0, 1_048_576);
        AssertRead(1_048_575, 2);
        AssertRead(1_048_570, 100);
        AssertRead(1_048_580, 1_000_000);
    }

    [Fact]
    public void What_was_not_asked_for_or_is_past_is_not_here()
    {
        reader.Begin(inputs, [Slice(0, 4_000_000)], direct: true);
        AssertRead(3_500_000, 1000);

        Assert.False(reader.TryRead(0, 100, 10, scratch, out _));
        Assert.False(reader.TryRead(1, 3_500_000, 10, scratch, out _));
        Assert.False(reader.TryRead(0, 3_999_990, 100, scratch, out _));
    }

    [Fact]
    public void A_part_that_is_given_up_leaves_the_reader_ready_for_the_next()
    {
        for (int time = 0; time < 200; time++)
        {
            reader.Begin(inputs, [Slice(time, 9_000_000)], direct: time % 2 == 0);
            if (time % 3 == 0)
            {
                AssertRead(time + 1_500_000, 4096);
            }

            if (time % 5 == 0)
            {
                reader.End();
            }
        }
    }

    private void AssertRead(long offset, int count)
    {
        Assert.True(reader.TryRead(0, offset, count, scratch, out ReadOnlySpan<byte> bytes), $"{offset} + {count}");
        Assert.True(file.AsSpan((int)offset, count).SequenceEqual(bytes), $"{offset} + {count}");
    }

    private static InputSlice Slice(long begin, long end) => new(0, begin, end);
}
