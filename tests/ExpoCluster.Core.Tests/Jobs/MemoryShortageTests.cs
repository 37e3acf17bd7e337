using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Core.Tests.Jobs;

public sealed class MemoryShortageTests
{
    private const long Gigabyte = 1L << 30;

    [Theory]
    [InlineData(null, ReadMode.Mapped, ReadMode.Mapped)]
    [InlineData(null, ReadMode.Automatic, ReadMode.Automatic)]
    [InlineData(20 * Gigabyte, ReadMode.Automatic, ReadMode.Automatic)]
    [InlineData(20 * Gigabyte, ReadMode.Mapped, ReadMode.Mapped)]
    [InlineData(3 * Gigabyte, ReadMode.Automatic, ReadMode.Positioned)]
    [InlineData(3 * Gigabyte, ReadMode.Positioned, ReadMode.Positioned)]
    public void Inputs_that_cannot_be_mapped_within_a_limit_are_read(long? left, ReadMode asked, ReadMode wanted) =>
        Assert.Equal(wanted, MemoryShortage.ModeWithin(TenGigabytes(), 2, asked, left));

    [Theory]
    [InlineData(Gigabyte / 2, ReadMode.Automatic)]
    [InlineData(Gigabyte / 2, ReadMode.Positioned)]
    [InlineData(3 * Gigabyte, ReadMode.Mapped)]
    public void A_limit_that_leaves_too_little_is_told(long left, ReadMode asked)
    {
        JobException exception = Assert.Throws<JobException>(() => MemoryShortage.ModeWithin(TenGigabytes(), 2, asked, left));

        Assert.Equal("EXPO3030", exception.Code);
        Assert.StartsWith("not enough memory: ", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_limit_too_low_for_the_program_is_told()
    {
        MemoryShortage.DemandRuntime(null);
        MemoryShortage.DemandRuntime(Gigabyte);

        Assert.Equal("EXPO3030", Assert.Throws<JobException>(() => MemoryShortage.DemandRuntime(100 << 20)).Code);
    }

    [Fact]
    public void What_a_thread_meets_without_memory_is_told_as_that_wherever_it_is_wrapped()
    {
        Exception[] shortages =
        [
            new InsufficientMemoryException("no"), new AggregateException(new InsufficientMemoryException("no")),
            new TypeInitializationException("T", new InsufficientMemoryException("no")), TooLarge(),
        ];

        Assert.All(shortages, shortage => Assert.Equal("EXPO3030", JobException.Unforeseen(shortage).Code));
        Assert.All(shortages, shortage => Assert.Equal("EXPO3030", PartOutcome.Failed.From(shortage).Code));
        Assert.Equal("EXPO3006", JobException.Unforeseen(new InvalidOperationException("no")).Code);
        Assert.DoesNotContain("   at ", PartOutcome.Failed.From(Thrown()).Message, StringComparison.Ordinal);
    }

    private static OutOfMemoryException TooLarge() => Assert.Throws<OutOfMemoryException>(() => GC.KeepAlive(new byte[int.MaxValue]));

    private static InvalidOperationException Thrown()
    {
        try
        {
            throw new InvalidOperationException("no");
        }
        catch (InvalidOperationException exception)
        {
            return exception;
        }
    }

    private static Plan TenGigabytes() =>
        new(1, "expo", Numerics.Exact, [new PlanInput("/in", 10 * Gigabyte, 0, new string('0', 64))], sideFileDirectory: null, files: []);
}
