using System.Collections.Immutable;
using ExpoCluster.Core.Planning;

namespace ExpoCluster.Core.Samples;

/// <summary>The forms in which a repository offers its weights.</summary>
[Flags]
public enum WeightsFormats
{
    None = 0,
    Safetensors = 1,
    Torch = 2,
}

/// <summary>A repository of the Hub as it is: what its files are called and which tensors are in each.</summary>
/// <param name="Repository">Organisation and name.</param>
/// <param name="Family">Its sizes.</param>
/// <param name="Formats">One, or both side by side.</param>
/// <param name="MaxShardBytes">The size that its authors let files have.</param>
public sealed record PublishedModel(string Repository, ModelFamily Family, WeightsFormats Formats, long MaxShardBytes)
{
    /// <summary>Older versions saved the rotary frequencies of each layer, which loaders of today ignore.</summary>
    public bool HasRotaryBuffers { get; init; }

    /// <summary>The head of its last PyTorch file is a view of a storage that is larger than it, as saving without a copy leaves it.</summary>
    public bool HasOversizedStorage { get; init; }

    /// <summary>A pickle of the trainer's settings beside the weights, which is none of the checkpoint's.</summary>
    public bool HasTrainingArguments { get; init; }

    /// <summary>Its tensors, in the order of the state dict.</summary>
    /// <param name="scale">Of the widths; 1 for the true ones.</param>
    public ImmutableArray<SampleTensor> Tensors(double scale) => Family.Scaled(scale).Tensors(HasRotaryBuffers);

    /// <summary>Bytes of the tensors in each file, at true size.</summary>
    public ImmutableArray<long> FileByteCounts
    {
        get
        {
            ImmutableArray<SampleTensor> tensors = Tensors(scale: 1);
            return [.. Split().Select(file => file.Sum(member => tensors[member].ByteCount))];
        }
    }

    /// <summary>The number of files and their formats, for example <c>3 safetensors and 3 .bin</c>.</summary>
    public string FileText
    {
        get
        {
            int count = FileByteCounts.Length;
            return string.Join(" and ", new[]
            {
                Formats.HasFlag(WeightsFormats.Safetensors) ? $"{count} safetensors" : null,
                Formats.HasFlag(WeightsFormats.Torch) ? $"{count} .bin" : null,
            }.Where(text => text is not null));
        }
    }

    /// <summary>Which tensors share a file; the same at every scale.</summary>
    internal ImmutableArray<ImmutableArray<int>> Split() =>
        ShardSplitter.Split([.. Tensors(scale: 1).Select(tensor => tensor.ByteCount)], MaxShardBytes);
}
