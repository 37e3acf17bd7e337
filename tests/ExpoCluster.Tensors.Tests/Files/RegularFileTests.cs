using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using ExpoCluster.Tensors.Files;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Tensors.Tests.Files;

public sealed class RegularFileTests : IDisposable
{
    private readonly ScratchDirectory scratch = new();

    public void Dispose() => scratch.Dispose();

    [Fact]
    public void A_pipe_that_nobody_writes_is_refused_at_once()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        string path = Path.Join(scratch.Path, "pipe");
        using Process made = Process.Start("mkfifo", [path]);
        made.WaitForExit();

        Assert.Equal("a named pipe", Refused(path));
        Assert.Equal("a named pipe", Assert.Throws<NotRegularFileException>(() => RegularFile.OpenToWrite(path, create: true)).Found);
    }

    [Fact]
    public void A_socket_is_refused()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        string path = Path.Join(scratch.Path, "socket");
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));

        Assert.Equal("a socket", Refused(path));
    }

    [Theory]
    [InlineData("/dev/zero", "a device")]
    [InlineData("/proc", "a directory")]
    [InlineData("/proc/self/environ", "a file of /proc, which the kernel makes up")]
    [InlineData("/proc/kmsg", "a file of /proc, which the kernel makes up")]
    [InlineData("/sys/kernel/mm/transparent_hugepage/enabled", "a file of /sys, which the kernel makes up")]
    public void What_is_no_file_of_a_disk_is_refused_through_links_too(string path, string found)
    {
        if (!OperatingSystem.IsLinux() || !Path.Exists(path) || (path == "/proc/kmsg" && Environment.UserName != "root"))
        {
            return;
        }

        string link = Path.Join(scratch.Path, "link");
        File.CreateSymbolicLink(link, path);

        Assert.Equal(found, Refused(path));
        Assert.Equal(found, Refused(link));
    }

    [Fact]
    public void What_is_missing_is_told_as_ever()
    {
        string file = scratch.Write("file", [1]);

        Assert.Throws<FileNotFoundException>(() => RegularFile.OpenToRead(Path.Join(scratch.Path, "nothing")));
        Assert.Throws<DirectoryNotFoundException>(() => RegularFile.OpenToRead(Path.Join(file, "below")));
        Assert.Throws<FileNotFoundException>(() => RegularFile.OpenToRead("nul\0byte"));
        Assert.Throws<FileNotFoundException>(() => RegularFile.OpenToWrite(Path.Join(scratch.Path, "nothing"), create: false));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4096)]
    [InlineData(4097)]
    [InlineData(10_000)]
    public void A_file_as_long_as_its_kind_may_be_is_read_and_a_longer_one_is_not(int length)
    {
        byte[] content = [.. Enumerable.Range(0, length).Select(index => (byte)index)];
        string path = scratch.Write("file", content);

        Assert.Equal(content, RegularFile.ReadBytes(path, length));
        Assert.Equal(content, RegularFile.ReadBytes(path, length + 5000));
        if (length > 0)
        {
            Assert.Equal(length - 1, Assert.Throws<FileTooLongException>(() => RegularFile.ReadBytes(path, length - 1)).MaxBytes);
        }
    }

    [Fact]
    public void Text_is_read_as_a_byte_order_mark_says_and_else_as_UTF_8()
    {
        Assert.Equal("größe", RegularFile.ReadText(scratch.Write("plain", Encoding.UTF8.GetBytes("größe")), 100));
        Assert.Equal("größe", RegularFile.ReadText(scratch.Write("marked", [.. Encoding.UTF8.GetPreamble(), .. Encoding.UTF8.GetBytes("größe")]), 100));
        Assert.Equal("größe", RegularFile.ReadText(scratch.Write("wide", [.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes("größe")]), 100));
    }

    [Fact]
    public void A_file_is_made_and_written_and_nobody_is_kept_from_it()
    {
        string path = Path.Join(scratch.Path, "new");
        using SafeFileHandle file = RegularFile.OpenToWrite(path, create: true);
        RandomAccess.Write(file, "content"u8, 0);
        using SafeFileHandle again = RegularFile.OpenToWrite(path, create: true);

        Assert.Equal("content", RegularFile.ReadText(path, 100));
        Assert.False(file.IsAsync);
        File.Delete(path);
    }

    private static string Refused(string path)
    {
        Assert.Throws<NotRegularFileException>(() => RegularFile.ReadBytes(path, 100));
        return Assert.Throws<NotRegularFileException>(() => RegularFile.OpenToRead(path)).Found;
    }
}
