using System.Collections.Immutable;
using System.Globalization;
using System.IO.Hashing;
using System.Text;
using ExpoCluster.Tensors.Torch;

namespace ExpoCluster.Core.Samples;

/// <summary>A sample's file as torch.save writes it: each tensor in a storage of its own.</summary>
internal sealed class TorchSampleFile : SampleFile
{
    /// <summary>How many times the size of its tensor an oversized storage has, as in Mistral-7B-Instruct-v0.2.</summary>
    private const int Oversize = 3;

    private readonly TorchArchiveLayout layout;

    /// <param name="archiveName">The file's name without its ending.</param>
    /// <param name="tensors">In the order of the state dict.</param>
    /// <param name="isLastOversized">Whether the storage of the last tensor is larger than it.</param>
    public TorchSampleFile(string archiveName, IReadOnlyList<SampleTensor> tensors, bool isLastOversized)
    {
        TorchStorage[] storages =
        [
            .. tensors.Select((tensor, i) =>
                new TorchStorage(tensor.Dtype, tensor.ElementCount * (isLastOversized && i == tensors.Count - 1 ? Oversize : 1))),
        ];
        layout = new TorchArchiveLayout(
            archiveName, storages, [.. tensors.Select((tensor, i) => new TorchTensor(tensor.Name, tensor.Shape, i))], IdOf(archiveName));
        ImmutableArray<long> offsets = layout.StorageOffsets;
        Runs = [.. tensors.Select((tensor, i) => new SampleRun(tensor.Name, tensor.Dtype, offsets[i], storages[i].ByteCount))];
    }

    public override long ByteLength => layout.ByteLength;

    public override ImmutableArray<SampleRun> Runs { get; }

    public override bool NeedsChecksums => true;

    public override IEnumerable<(long Offset, byte[] Bytes)> Frame(IReadOnlyList<uint> checksums) => layout.Frame(checksums);

    private static string IdOf(string archiveName) =>
        XxHash128.HashToUInt128(Encoding.UTF8.GetBytes(archiveName)).ToString("D40", CultureInfo.InvariantCulture);
}
