using System.Diagnostics;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Tests.Storage;

public sealed class PlainFileTests : IDisposable
{
    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Fact]
    public void Nothing_and_a_regular_file_are_accepted()
    {
        PlainFile.Demand(place.PathOf("nothing"));
        PlainFile.Demand(place.Write("file", "x"));
        PlainFile.DemandDirectory(place.PathOf("nothing"));
        PlainFile.DemandDirectory(place.Path);
    }

    [Fact]
    public void A_link_is_refused_wherever_it_leads()
    {
        File.CreateSymbolicLink(place.PathOf("to-file"), place.Write("file", "x"));
        File.CreateSymbolicLink(place.PathOf("to-nothing"), place.PathOf("nothing"));
        Directory.CreateSymbolicLink(place.PathOf("to-directory"), place.Path);

        foreach (string link in new[] { "to-file", "to-nothing", "to-directory" })
        {
            Assert.Equal("EXPO4009", Assert.Throws<StorageException>(() => PlainFile.Demand(place.PathOf(link))).Code);
            Assert.Equal("EXPO4009", Assert.Throws<StorageException>(() => PlainFile.DemandDirectory(place.PathOf(link))).Code);
        }
    }

    [Fact]
    public void A_pipe_and_a_directory_are_no_files()
    {
        using (var make = Process.Start("mkfifo", [place.PathOf("pipe")]))
        {
            make.WaitForExit();
        }

        Assert.Equal("EXPO4009", Assert.Throws<StorageException>(() => PlainFile.Read(place.PathOf("pipe"), 10)).Code);
        Assert.Equal("EXPO4009", Assert.Throws<StorageException>(() => PlainFile.Demand(place.Path)).Code);
    }

    [Fact]
    public void What_has_another_name_is_read_and_replaced_and_not_written_to()
    {
        string path = place.Write("file", "0123456789");
        using (var link = System.Diagnostics.Process.Start("ln", [path, path + ".too"]))
        {
            link.WaitForExit();
        }

        Assert.Equal(StorageException.NotPlain, Assert.Throws<StorageException>(() => PlainFile.Demand(path)).Code);
        Assert.Equal(10, PlainFile.Read(path, 10).Length);
        PlainFile.DemandReplaceable(path);
    }

    [Fact]
    public void What_is_far_too_long_is_not_read()
    {
        string path = place.Write("file", "0123456789");

        Assert.Equal(10, PlainFile.Read(path, 10).Length);
        Assert.ThrowsAny<IOException>(() => PlainFile.Read(path, 9));
    }
}
