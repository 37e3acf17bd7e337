using System.Collections.Immutable;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Core.Samples;

/// <summary>A sample's file in the format of safetensors.</summary>
internal sealed class SafetensorsSampleFile : SampleFile
{
    private readonly byte[] header;

    public SafetensorsSampleFile(IEnumerable<SampleTensor> tensors)
    {
        ImmutableArray<SafetensorsTensor> entries =
            SafetensorsLayout.Arrange(tensors.Select(tensor => (tensor.Name, tensor.Dtype, tensor.Shape)));
        header = SafetensorsHeader.Encode(entries, ImmutableSortedDictionary<string, string>.Empty.Add("format", "pt"));
        Runs = [.. entries.Select(entry => new SampleRun(entry.Name, entry.Dtype, header.Length + entry.Begin, entry.ByteCount))];
        ByteLength = header.Length + (entries.IsEmpty ? 0 : entries[^1].End);
    }

    public override long ByteLength { get; }

    public override ImmutableArray<SampleRun> Runs { get; }

    public override bool NeedsChecksums => false;

    public override IEnumerable<(long Offset, byte[] Bytes)> Frame(IReadOnlyList<uint> checksums) => [(0, header)];
}
