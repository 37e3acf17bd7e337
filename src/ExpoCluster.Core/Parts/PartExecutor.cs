using System.IO.Hashing;
using System.Runtime.InteropServices;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Core.Parts;

/// <summary>Computes parts, one at a time: fills a tile, writes it, digests it, and goes on. One for each lane.</summary>
/// <remarks>The memory of a lane is its three buffers, whatever the model's size; nothing is allocated for a tile or a tensor.</remarks>
public sealed class PartExecutor(RateLimit? rate)
{
    /// <summary>Bytes of output computed between two writes; a divisor of the block size.</summary>
    public const int TileBytes = 1 << 20;

    /// <summary>Bytes of all buffers of one lane.</summary>
    public const long LaneBytes = 3L * TileBytes;

    private const int MaxElementBytes = 8;

    private readonly Memory<byte> tile = AllocateTile();
    private readonly byte[] alignedBuffer = GC.AllocateUninitializedArray<byte>(TileBytes, pinned: true);
    private readonly byte[] baseBuffer = GC.AllocateUninitializedArray<byte>(TileBytes, pinned: true);
    private readonly XxHash128 blockHash = new();
    private readonly Dictionary<(Dtype Aligned, Dtype Base, Dtype Output, Numerics Numerics, double Alpha), ExpoKernel> kernels = [];
    private readonly HashSet<int> checkedInputs = [];
    private long bytesRead;

    /// <summary>Computes one part into its staging file. The bytes are not durable yet.</summary>
    public PartOutcome Execute(PartOrder order, StagingFile output)
    {
        PlannedFile file = order.Plan.Files[order.Part.File];
        byte[] digests = new byte[PartGrid.BlockCount(order.Part.ByteCount) * BlockDigest.ByteCount];
        bytesRead = 0;
        checkedInputs.Clear();
        blockHash.Reset();
        CheckInputs(order, file);
        for (long offset = order.Part.Begin; offset < order.Part.End;)
        {
            Span<byte> bytes = tile.Span[..(int)Math.Min(TileBytes, order.Part.End - offset)];
            Fill(order, file, offset, bytes);
            rate?.Wait(bytes.Length, order.Lease);
            if (!order.Lease.IsValid)
            {
                return new PartOutcome.Abandoned();
            }

            output.Write(bytes, offset);
            blockHash.Append(bytes);
            offset += bytes.Length;
            order.Lease.Advance(bytes.Length);
            FinishBlock(order.Part, offset, digests);
        }

        return new PartOutcome.Computed(digests, bytesRead);
    }

    // Direct writes want their memory on a page boundary.
    private static Memory<byte> AllocateTile()
    {
        byte[] array = GC.AllocateUninitializedArray<byte>(TileBytes + StagingFile.DirectAlignment, pinned: true);
        long address = Marshal.UnsafeAddrOfPinnedArrayElement(array, 0);
        int skip = (int)(-address & (StagingFile.DirectAlignment - 1));
        return array.AsMemory(skip, TileBytes);
    }

    private void FinishBlock(PartRange part, long offset, Span<byte> digests)
    {
        if (offset == part.End || offset % PartGrid.BlockBytes == 0)
        {
            int block = (int)((offset - 1 - part.Begin) / PartGrid.BlockBytes);
            blockHash.GetHashAndReset(digests[(block * BlockDigest.ByteCount)..]);
        }
    }

    private void CheckInputs(PartOrder order, PlannedFile file)
    {
        long begin = order.Part.Begin - file.Header.Length;
        long end = order.Part.End - file.Header.Length;
        for (int index = file.FirstTensorBehind(begin); index < file.Tensors.Length && file.Tensors[index].Entry.Begin < end; index++)
        {
            CheckInput(order, file.Tensors[index].Aligned);
            CheckInput(order, file.Tensors[index].Base);
        }
    }

    private void CheckInput(PartOrder order, TensorSource? source)
    {
        if (source is not null && checkedInputs.Add(source.Input))
        {
            order.Inputs.CheckUnchanged(source.Input);
        }
    }

    /// <summary>Fills <paramref name="bytes"/> with the file's content from <paramref name="offset"/> on.</summary>
    internal void Fill(PartOrder order, PlannedFile file, long offset, Span<byte> bytes)
    {
        if (offset < file.Header.Length)
        {
            int count = (int)Math.Min(file.Header.Length - offset, bytes.Length);
            file.Header.AsSpan((int)offset, count).CopyTo(bytes);
            bytes = bytes[count..];
            offset += count;
        }

        long dataOffset = offset - file.Header.Length;
        for (int index = file.FirstTensorBehind(dataOffset); !bytes.IsEmpty; index++)
        {
            PlannedTensor tensor = file.Tensors[index];
            int count = (int)Math.Min(tensor.Entry.End - dataOffset, bytes.Length);
            FillTensor(order, tensor, dataOffset - tensor.Entry.Begin, bytes[..count]);
            bytes = bytes[count..];
            dataOffset += count;
        }
    }

    private void FillTensor(PartOrder order, PlannedTensor tensor, long from, Span<byte> bytes)
    {
        if (tensor.Action == TensorAction.Extrapolate)
        {
            Extrapolate(order, tensor, from, bytes);
        }
        else
        {
            Copy(order, tensor, from, bytes);
        }
    }

    private void Copy(PartOrder order, PlannedTensor tensor, long from, Span<byte> bytes)
    {
        ReadOnlySpan<byte> aligned = Read(order, tensor, tensor.Aligned, from, alignedBuffer, bytes.Length);
        if (tensor.Action == TensorAction.CopyEqual
            && !aligned.SequenceEqual(Read(order, tensor, tensor.Base!, from, baseBuffer, bytes.Length)))
        {
            throw new PlanningException([PlanProblem.CopiedTensorDiffers(tensor.Entry.Name, tensor.Entry.Dtype)]);
        }

        aligned.CopyTo(bytes);
    }

    // A range may begin or end inside an element: then the whole element is computed, by both neighbours, and cut.
    private void Extrapolate(PartOrder order, PlannedTensor tensor, long from, Span<byte> bytes)
    {
        int size = tensor.Entry.Dtype.Bits() / 8;
        Span<byte> element = stackalloc byte[MaxElementBytes];
        int cut = (int)(from % size);
        if (cut != 0)
        {
            int count = Math.Min(size - cut, bytes.Length);
            ExtrapolateElements(order, tensor, from / size, element[..size]);
            element.Slice(cut, count).CopyTo(bytes);
            bytes = bytes[count..];
            from += count;
        }

        int whole = bytes.Length / size * size;
        ExtrapolateElements(order, tensor, from / size, bytes[..whole]);
        if (whole < bytes.Length)
        {
            ExtrapolateElements(order, tensor, (from + whole) / size, element[..size]);
            element[..(bytes.Length - whole)].CopyTo(bytes[whole..]);
        }
    }

    private void ExtrapolateElements(PartOrder order, PlannedTensor tensor, long firstElement, Span<byte> output)
    {
        int size = tensor.Entry.Dtype.Bits() / 8;
        int alignedSize = tensor.Aligned.Dtype.Bits() / 8;
        int baseSize = tensor.Base!.Dtype.Bits() / 8;
        ExpoKernel kernel = KernelFor(order.Plan.Numerics, tensor);
        int most = TileBytes / MaxElementBytes;
        while (!output.IsEmpty)
        {
            int count = Math.Min(output.Length / size, most);
            ReadOnlySpan<byte> aligned = Read(order, tensor, tensor.Aligned, firstElement * alignedSize, alignedBuffer, count * alignedSize);
            ReadOnlySpan<byte> baseValues = Read(order, tensor, tensor.Base, firstElement * baseSize, baseBuffer, count * baseSize);
            kernel.Run(aligned, baseValues, output[..(count * size)]);
            output = output[(count * size)..];
            firstElement += count;
        }
    }

    private ReadOnlySpan<byte> Read(PartOrder order, PlannedTensor tensor, TensorSource source, long from, byte[] buffer, int count)
    {
        bytesRead += count;
        return order.Inputs.Read(source.Input, source.Offset + from, buffer, count, order.Mode, tensor.Entry.Name);
    }

    private ExpoKernel KernelFor(Numerics numerics, PlannedTensor tensor)
    {
        var key = (tensor.Aligned.Dtype, tensor.Base!.Dtype, tensor.Entry.Dtype, numerics, tensor.Alpha);
        if (!kernels.TryGetValue(key, out ExpoKernel? kernel))
        {
            kernel = ExpoKernel.For(key.Item1, key.Item2, key.Item3, numerics, tensor.Alpha);
            kernels[key] = kernel;
        }

        return kernel;
    }
}
