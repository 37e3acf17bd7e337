using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Core.Tests.Recipes;

public sealed class TimeLengthTests
{
    [Theory]
    [InlineData("0s", 0)]
    [InlineData("45s", 45)]
    [InlineData("90m", 5_400)]
    [InlineData("12h", 43_200)]
    [InlineData("30d", 2_592_000)]
    [InlineData("36500d", 3_153_600_000)]
    public void A_number_and_its_unit_are_read(string text, long seconds)
    {
        Assert.True(TimeLength.TryParse(text, out TimeSpan length));
        Assert.Equal(TimeSpan.FromSeconds(seconds), length);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("30")]
    [InlineData("d")]
    [InlineData("-1d")]
    [InlineData("1.5d")]
    [InlineData(" 1d")]
    [InlineData("30D")]
    [InlineData("2w")]
    [InlineData("36501d")]
    [InlineData("99999999999999999999s")]
    [InlineData("9223372036854775807d")]
    public void What_is_none_is_refused(string? text) => Assert.False(TimeLength.TryParse(text, out _));
}
