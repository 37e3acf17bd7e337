using System.IO.Pipes;
using ExpoCluster.Tensors.Files;
using ExpoCluster.Tensors.Mapping;
using ExpoCluster.Tensors.Safetensors;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Tensors.Tests.Files;

public sealed class ReadableFileTests : IDisposable
{
    private readonly ScratchDirectory scratch = new();

    public void Dispose() => scratch.Dispose();

    [Theory]
    [InlineData("absent.safetensors")]
    [InlineData("absent/model.safetensors")]
    public void A_missing_file_is_refused_by_its_path(string name)
    {
        string path = Path.Combine(scratch.Path, name);

        AssertBothRefuse("EXPO1001", path);
    }

    [Fact]
    public void A_directory_is_refused()
    {
        AssertBothRefuse("EXPO1003", scratch.Path);
    }

    [Fact]
    public void A_pipe_is_refused()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);

        AssertBothRefuse("EXPO1003", $"/proc/self/fd/{pipe.GetClientHandleAsString()}");
    }

    [Fact]
    public void A_file_that_may_not_be_read_is_refused()
    {
        // Whoever runs the tests may be allowed to read everything, so the refusal is asked for directly.
        TensorFileException refusal = ReadableFile.Refusal("model.safetensors", new UnauthorizedAccessException());

        Assert.Equal("EXPO1002", refusal.Code);
        Assert.Contains("model.safetensors", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failing_disk_is_told_with_what_the_system_said()
    {
        var cause = new IOException("Input/output error");

        TensorFileException refusal = ReadableFile.Refusal("model.safetensors", cause);

        Assert.Equal("EXPO1004", refusal.Code);
        Assert.Equal("Input/output error", refusal.Found);
        Assert.Same(cause, refusal.InnerException);
    }

    [Fact]
    public void A_file_that_ends_before_the_asked_bytes_is_refused()
    {
        string path = scratch.Write("short", new byte[10]);
        using SafeFileHandle handle = ReadableFile.Open(path);

        TensorFileException refusal = Assert.Throws<TensorFileException>(() => ReadableFile.ReadExactly(handle, new byte[8], 4, path));

        Assert.Equal("EXPO1005", refusal.Code);
        Assert.Equal(10, refusal.Offset);
        Assert.Equal("at least 12 bytes", refusal.Expected);
    }

    [Fact]
    public void Bytes_are_read_at_their_offset()
    {
        string path = scratch.Write("data", [1, 2, 3, 4, 5]);
        using SafeFileHandle handle = ReadableFile.Open(path);
        byte[] buffer = new byte[3];

        ReadableFile.ReadExactly(handle, buffer, 1, path);

        Assert.Equal([2, 3, 4], buffer);
    }

    private static void AssertBothRefuse(string code, string path)
    {
        TensorFileException read = Assert.Throws<TensorFileException>(() => SafetensorsHeader.ReadFrom(path));
        TensorFileException mapped = Assert.Throws<TensorFileException>(() => MappedFile.Open(path, 1));

        Assert.Equal(code, read.Code);
        Assert.Equal(code, mapped.Code);
        Assert.Equal(path, read.File);
        Assert.NotEmpty(read.Advice);
    }
}
