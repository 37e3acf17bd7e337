using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Server.Reports;

namespace ExpoCluster.Server.Tests.Reports;

/// <summary>What lies where a report is to be written: a model that came from elsewhere may hold anything under that name.</summary>
public sealed class ReportTargetTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("expocluster-report-").FullName;

    private string Page => Path.Join(directory, "report.html");

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void A_page_is_made_or_replaced()
    {
        ReportPage.CheckTarget(Page);
        File.WriteAllText(Page, "older");

        ReportPage.CheckTarget(Page);
    }

    [Fact]
    public void A_link_is_not_followed()
    {
        File.CreateSymbolicLink(Page, Path.Join(directory, "precious"));

        Assert.Equal(StorageException.NotPlain, Assert.Throws<StorageException>(() => ReportPage.CheckTarget(Page)).Code);
    }

    [Fact]
    public void A_directory_is_not_replaced()
    {
        Directory.CreateDirectory(Page);

        Assert.Equal(StorageException.NotPlain, Assert.Throws<StorageException>(() => ReportPage.CheckTarget(Page)).Code);
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("config.json")]
    [InlineData("notes")]
    public void A_file_that_is_no_page_is_not_replaced(string name)
    {
        string file = Path.Join(directory, name);
        File.WriteAllText(file, "precious");

        Assert.Equal("EXPO2098", Assert.Throws<UsageException>(() => ReportPage.CheckTarget(file)).Code);
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("README.md")]
    public void Nor_is_one_that_a_merge_would_publish(string name) =>
        Assert.Equal("EXPO2098", Assert.Throws<UsageException>(() => ReportPage.CheckTarget(Path.Join(directory, name))).Code);
}
