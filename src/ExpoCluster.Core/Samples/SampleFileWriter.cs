using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Torch;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Core.Samples;

/// <summary>Writes the files of a sample, its values on all threads.</summary>
/// <param name="values">Null leaves holes where the values would be: a file of full size that takes no room.</param>
/// <param name="bytesWritten">Told how many bytes were written since it was last told, from any thread.</param>
internal sealed class SampleFileWriter(SampleValues? values, Action<long>? bytesWritten)
{
    private const int RangeBytes = 4 << 20;

    // Bounds the memory: each thread has a buffer for one range.
    private static readonly ParallelOptions Threads = new() { MaxDegreeOfParallelism = Math.Min(Environment.ProcessorCount, 16) };

    public void Write(string path, SampleFile file)
    {
        try
        {
            using SafeFileHandle handle = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write);
            RandomAccess.SetLength(handle, file.ByteLength);
            uint[] checksums = values is null ? new uint[file.Runs.Length] : WriteRuns(handle, file, values);
            foreach ((long offset, byte[] bytes) in file.Frame(checksums))
            {
                RandomAccess.Write(handle, bytes, offset);
            }
        }
        catch (AggregateException exception) when (exception.InnerException is IOException io)
        {
            throw StorageException.From(io, path, "write the sample");
        }
        catch (IOException exception)
        {
            throw StorageException.From(exception, path, "write the sample");
        }
    }

    private uint[] WriteRuns(SafeFileHandle handle, SampleFile file, SampleValues made)
    {
        uint[][] rangeChecksums = [.. file.Runs.Select(run => new uint[RangeCount(run)])];
        Parallel.ForEach(
            file.Runs.SelectMany((run, index) => Enumerable.Range(0, RangeCount(run)).Select(range => (Index: index, Range: range))),
            Threads,
            () => GC.AllocateUninitializedArray<byte>(RangeBytes),
            (piece, _, buffer) =>
            {
                SampleRun run = file.Runs[piece.Index];
                long begin = (long)piece.Range * RangeBytes;
                Span<byte> bytes = buffer.AsSpan(0, RangeByteCount(run, piece.Range));
                made.Fill(run.Tensor, run.Dtype, begin, bytes);
                RandomAccess.Write(handle, bytes, run.Offset + begin);
                rangeChecksums[piece.Index][piece.Range] = file.NeedsChecksums ? System.IO.Hashing.Crc32.HashToUInt32(bytes) : 0;
                bytesWritten?.Invoke(bytes.Length);
                return buffer;
            },
            _ => { });
        return [.. file.Runs.Select((run, index) => Combine(run, rangeChecksums[index]))];
    }

    private static uint Combine(SampleRun run, uint[] rangeChecksums)
    {
        uint checksum = 0;
        for (int range = 0; range < rangeChecksums.Length; range++)
        {
            checksum = Crc32.Combine(checksum, rangeChecksums[range], RangeByteCount(run, range));
        }

        return checksum;
    }

    private static int RangeCount(SampleRun run) => (int)((run.ByteCount + RangeBytes - 1) / RangeBytes);

    private static int RangeByteCount(SampleRun run, int range) => (int)Math.Min(RangeBytes, run.ByteCount - ((long)range * RangeBytes));
}
