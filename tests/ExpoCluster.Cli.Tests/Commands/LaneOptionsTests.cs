using System.CommandLine;
using ExpoCluster.Cli.Commands;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Cli.Tests.Commands;

public sealed class LaneOptionsTests
{
    [Fact]
    public void Without_options_there_is_a_lane_for_each_core_and_no_limit() =>
        Assert.Equal(new LaneChoices(Environment.ProcessorCount, MaxBytesPerSecond: null, ReadMode.Automatic), Read());

    [Fact]
    public void Given_numbers_are_taken() => Assert.Equal(new LaneChoices(7, 200_000_000, ReadMode.Positioned), Read("--lanes", "7", "--max-rate", "200MB", "--io", "read"));

    [Fact]
    public void Little_memory_lowers_the_lanes()
    {
        string memory = (LaneOptions.MemoryBytes(2, outputs: 1) + 1).ToString(System.Globalization.CultureInfo.InvariantCulture);

        Assert.Equal(2, Read("--lanes", "16", "--max-memory", memory).Lanes);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(3, 3)]
    [InlineData(100, 16)]
    public void What_this_process_may_have_of_memory_is_the_ceiling(int lanes, int chosen)
    {
        long memory = lanes == 0 ? 1 : LaneOptions.MemoryBytes(lanes, outputs: 1) + 1;

        Assert.Equal(chosen, Read(memory, "--lanes", "16").Lanes);
        Assert.Equal(chosen, Read(memory, "--lanes", "16", "--max-memory", "1TB").Lanes);
    }

    [Fact]
    public void Each_output_of_a_sweep_takes_a_tile_of_every_lane() =>
        Assert.Equal(LaneOptions.MemoryBytes(2, outputs: 1) + (2 * 4 * 2 * PartExecutor.TileBytes), LaneOptions.MemoryBytes(2, outputs: 5));

    [Theory]
    [InlineData("--lanes", "0")]
    [InlineData("--lanes", "1000")]
    [InlineData("--lanes", "many")]
    [InlineData("--max-memory", "10MB")]
    [InlineData("--max-memory", "lots")]
    [InlineData("--max-rate", "1KB")]
    [InlineData("--io", "direct")]
    public void What_cannot_be_is_refused_with_the_option_named(string option, string value)
    {
        RecipeProblem problem = Assert.Single(Assert.Throws<UsageException>(() => Read(option, value)).Problems);

        Assert.Equal(option, problem.Path);
    }

    private static LaneChoices Read(params string[] arguments) => Read(memory: null, arguments);

    private static LaneChoices Read(long? memory, params string[] arguments)
    {
        var options = new LaneOptions(memory);
        var command = new Command("merge");
        options.AddTo(command);
        return options.Read(command.Parse(arguments), outputs: 1);
    }
}
