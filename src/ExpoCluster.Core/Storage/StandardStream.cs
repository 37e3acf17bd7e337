using System.ComponentModel;
using System.Runtime.InteropServices;

namespace ExpoCluster.Core.Storage;

/// <summary>Standard output or standard error: it never throws, and remembers that something was lost.</summary>
/// <remarks>
/// .NET's own throws where it is closed or full, which ends a merge from any of its threads, and says nothing of a pipe that nobody
/// reads any more.
/// </remarks>
public sealed class StandardStream : Stream
{
    private const int Input = 0;
    private const int LastDescriptor = 2;
    private const string Nowhere = "/dev/null";

    private readonly Lock gate = new();
    private readonly int descriptor;
    private readonly Stream? other;
    private int error;

    private StandardStream(int descriptor, bool isOpen)
    {
        this.descriptor = descriptor;
        IsOpen = isOpen;
        other = OperatingSystem.IsWindows() ? Open(descriptor) : null;
    }

    /// <summary>Whether whoever started the program gave it this stream.</summary>
    public bool IsOpen { get; }

    /// <summary>Why something that was written is lost; null where nothing is.</summary>
    public string? Loss => error switch
    {
        0 => null,
        Posix.ErrorBadDescriptor => "it is closed",
        _ => new Win32Exception(error).Message,
    };

    /// <summary>Whoever read it has gone, and so need not be told.</summary>
    public bool IsAbandoned => error == Posix.ErrorBrokenPipe;

    public bool IsFull => error is Posix.ErrorNoSpace or Posix.ErrorQuota;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Takes standard output and error, before the program opens anything.</summary>
    /// <remarks>
    /// A stream that the program was started without leaves its number to the first file that is opened, and lines meant for people
    /// would go into it. So free numbers are taken. Those that the runtime has taken for itself before anything of the program ran
    /// are told apart by a flag: what comes from another program never has it.
    /// </remarks>
    public static (StandardStream Output, StandardStream Error) Take()
    {
        if (OperatingSystem.IsWindows())
        {
            return (new StandardStream(1, isOpen: true), new StandardStream(2, isOpen: true));
        }

        bool[] isGiven = [.. Enumerable.Range(Input, LastDescriptor + 1).Select(IsGiven)];
        while (Enumerable.Range(Input, LastDescriptor + 1).Any(IsFree) && Posix.OpenLowest(Nowhere) is >= 0 and <= LastDescriptor)
        {
        }

        return (new StandardStream(1, isGiven[1]), new StandardStream(2, isGiven[2]));
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        lock (gate)
        {
            if (error == 0)
            {
                error = !IsOpen ? Posix.ErrorBadDescriptor : other is null ? WriteAll(buffer) : WriteTo(other, buffer);
            }
        }
    }

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private static bool IsFree(int descriptor) => Posix.Fcntl(descriptor, Posix.GetDescriptorFlags) < 0;

    private static bool IsGiven(int descriptor) =>
        Posix.Fcntl(descriptor, Posix.GetDescriptorFlags) is >= 0 and var flags && (flags & Posix.CloseOnExec) == 0;

    private static Stream Open(int descriptor) => descriptor == 1 ? Console.OpenStandardOutput() : Console.OpenStandardError();

    private static int WriteTo(Stream stream, ReadOnlySpan<byte> rest)
    {
        try
        {
            stream.Write(rest);
            stream.Flush();
            return 0;
        }
        catch (IOException exception)
        {
            return exception.HResult & 0xFFFF;
        }
    }

    /// <returns>The error that ended it, or 0.</returns>
    private int WriteAll(ReadOnlySpan<byte> rest)
    {
        while (!rest.IsEmpty)
        {
            nint count = Posix.Write(descriptor, in MemoryMarshal.GetReference(rest), rest.Length);
            if (count >= 0)
            {
                rest = rest[(int)count..];
                continue;
            }

            int found = Marshal.GetLastPInvokeError();
            if (found == Posix.ErrorWouldBlock)
            {
                // Another program that has the same terminal or pipe asked not to wait; this one waits.
                var readiness = new Posix.Readiness { Descriptor = descriptor, Wanted = Posix.ReadyForWriting };
                _ = Posix.Poll(ref readiness, 1, Timeout.Infinite);
            }
            else if (found != Posix.ErrorInterrupted)
            {
                return found;
            }
        }

        return 0;
    }
}
