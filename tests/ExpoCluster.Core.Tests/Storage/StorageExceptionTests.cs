using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Tests.Storage;

public sealed class StorageExceptionTests
{
    [Theory]
    [InlineData(28, "no space left to write it")]
    [InlineData(122, "no quota left to write it")]
    public void A_full_disk_and_a_used_up_quota_are_told_apart(int errno, string said)
    {
        StorageException called = StorageException.FromErrno(errno, "/tmp", "write it");
        StorageException thrown = StorageException.From(new IOException("no", errno), "/tmp", "write it");

        Assert.Equal(["EXPO4001", "EXPO4001"], new[] { called.Code, thrown.Code });
        Assert.Contains(said, called.Message, StringComparison.Ordinal);
        Assert.Contains(said, thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_has_the_name_of_unfinished_work_is_not_written_to()
    {
        using var place = new TemporaryDirectory();
        string target = place.Write("target", "somebody's");
        File.CreateSymbolicLink(place.PathOf("file.unfinished"), target);

        Durability.WriteWhole(place.PathOf("file"), "new"u8);

        Assert.Equal("somebody's", File.ReadAllText(target));
        Assert.Equal("new", File.ReadAllText(place.PathOf("file")));
        Assert.Null(new FileInfo(place.PathOf("file")).LinkTarget);
    }
}
