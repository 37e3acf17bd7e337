using ExpoCluster.Cli.Commands;

namespace ExpoCluster.Cli.Tests.Commands;

public sealed class ExitCodesTests
{
    [Theory]
    [InlineData("EXPO1204", 3)]
    [InlineData("EXPO2001", 2)]
    [InlineData("EXPO3001", 1)]
    [InlineData("EXPO4001", 4)]
    [InlineData("EXPO5001", 1)]
    public void The_first_digit_of_a_code_decides(string code, int exitCode) => Assert.Equal(exitCode, ExitCodes.Of(code));
}
