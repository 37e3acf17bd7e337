using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Safetensors;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Core.Samples;

/// <summary>Made-up checkpoints of a real model's shape, to try things on.</summary>
public static class SampleCheckpoint
{
    private const int RangeBytes = 4 << 20;

    // Bounds the memory: each thread has a buffer for one range.
    private static readonly ParallelOptions Threads = new() { MaxDegreeOfParallelism = Math.Min(Environment.ProcessorCount, 16) };

    private const string Unfinished = ".unfinished";

    private const int HeadSize = 64;
    private const int SmallHeadSize = 16;

    /// <summary>Tensors with Llama's names whose bytes sum to about <paramref name="totalBytes"/>, from 1 MB to 100 GB.</summary>
    public static ImmutableArray<SampleTensor> LlamaLike(long totalBytes, Dtype dtype)
    {
        LlamaShape shape = LlamaShape.ForParameters(totalBytes * 8 / dtype.Bits());
        var tensors = ImmutableArray.CreateBuilder<SampleTensor>();
        void Add(string name, params long[] extents) => tensors.Add(new SampleTensor(name, dtype, [.. extents]));
        Add("model.embed_tokens.weight", shape.Vocabulary, shape.Hidden);
        for (int layer = 0; layer < shape.Layers; layer++)
        {
            string prefix = string.Create(CultureInfo.InvariantCulture, $"model.layers.{layer}.");
            Add(prefix + "input_layernorm.weight", shape.Hidden);
            Add(prefix + "self_attn.q_proj.weight", shape.Hidden, shape.Hidden);
            Add(prefix + "self_attn.k_proj.weight", shape.Hidden / 4, shape.Hidden);
            Add(prefix + "self_attn.v_proj.weight", shape.Hidden / 4, shape.Hidden);
            Add(prefix + "self_attn.o_proj.weight", shape.Hidden, shape.Hidden);
            Add(prefix + "post_attention_layernorm.weight", shape.Hidden);
            Add(prefix + "mlp.gate_proj.weight", shape.Intermediate, shape.Hidden);
            Add(prefix + "mlp.up_proj.weight", shape.Intermediate, shape.Hidden);
            Add(prefix + "mlp.down_proj.weight", shape.Hidden, shape.Intermediate);
        }

        Add("model.norm.weight", shape.Hidden);
        Add("lm_head.weight", shape.Vocabulary, shape.Hidden);
        return tensors.ToImmutable();
    }

    /// <summary>Writes two loadable checkpoints, <c>base</c> and <c>aligned</c>, into <paramref name="directory"/>.</summary>
    /// <param name="directory">Created if it is missing.</param>
    /// <param name="tensors">In the order in which they are spread over files.</param>
    /// <param name="seed">The same seed gives the same bytes.</param>
    /// <param name="maxShardBytes">The largest file; more tensors go into further files with an index.</param>
    /// <param name="bytesWritten">Told how many bytes were written since it was last told, from any thread.</param>
    /// <exception cref="CheckpointException">One of the two directories exists.</exception>
    public static void WritePair(
        string directory,
        ImmutableArray<SampleTensor> tensors,
        ulong seed,
        long maxShardBytes,
        Action<long>? bytesWritten = null)
    {
        foreach (string side in new[] { "base", "aligned" })
        {
            if (Path.Exists(Path.Join(directory, side)))
            {
                throw CheckpointErrors.SampleExists(Path.Join(directory, side));
            }
        }

        // Neither has its name before both are whole, so that an interrupted command can be run again.
        string baseSide = Path.GetFullPath(Path.Join(directory, "base"));
        string alignedSide = Path.GetFullPath(Path.Join(directory, "aligned"));
        Write(baseSide + Unfinished, tensors, new SampleValues(seed, isAligned: false), maxShardBytes, bytesWritten);
        Write(alignedSide + Unfinished, tensors, new SampleValues(seed, isAligned: true), maxShardBytes, bytesWritten);
        Durability.Rename(baseSide + Unfinished, baseSide);
        Durability.Rename(alignedSide + Unfinished, alignedSide);
    }

    private static void Write(
        string unfinished,
        ImmutableArray<SampleTensor> tensors,
        SampleValues values,
        long maxShardBytes,
        Action<long>? bytesWritten)
    {
        if (Directory.Exists(unfinished))
        {
            Directory.Delete(unfinished, recursive: true);
        }

        Durability.CreateDirectory(unfinished);
        ImmutableArray<ImmutableArray<int>> split = ShardSplitter.Split([.. tensors.Select(ByteCount)], maxShardBytes);
        var weightMap = new Dictionary<string, string>(StringComparer.Ordinal);
        for (int index = 0; index < split.Length; index++)
        {
            string name = ShardSplitter.FileName(index, split.Length);
            SampleTensor[] members = [.. split[index].Select(member => tensors[member])];
            WriteShard(Path.Join(unfinished, name), members, values, bytesWritten);
            foreach (SampleTensor member in members)
            {
                weightMap[member.Name] = name;
            }
        }

        if (split.Length > 1)
        {
            File.WriteAllBytes(Path.Join(unfinished, CheckpointLocation.IndexFileName), WeightIndex.Encode(tensors.Sum(ByteCount), weightMap));
        }

        SampleSideFiles.Write(unfinished, tensors);
    }

    private static long ByteCount(SampleTensor tensor) =>
        tensor.Shape.Aggregate(1L, (count, extent) => count * extent) * tensor.Dtype.Bits() / 8;

    private static void WriteShard(string path, SampleTensor[] members, SampleValues values, Action<long>? bytesWritten)
    {
        ImmutableArray<SafetensorsTensor> entries =
            SafetensorsLayout.Arrange(members.Select(tensor => (tensor.Name, tensor.Dtype, tensor.Shape)));
        byte[] header = SafetensorsHeader.Encode(entries, ImmutableSortedDictionary<string, string>.Empty.Add("format", "pt"));
        try
        {
            using SafeFileHandle file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write);
            RandomAccess.Write(file, header, fileOffset: 0);
            Parallel.ForEach(
                entries.SelectMany(Ranges),
                Threads,
                () => GC.AllocateUninitializedArray<byte>(RangeBytes),
                (range, _, buffer) =>
                {
                    Span<byte> bytes = buffer.AsSpan(0, range.ByteCount);
                    values.Fill(range.Tensor, range.Begin, bytes);
                    RandomAccess.Write(file, bytes, header.Length + range.Tensor.Begin + range.Begin);
                    bytesWritten?.Invoke(range.ByteCount);
                    return buffer;
                },
                _ => { });
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

    private static IEnumerable<(SafetensorsTensor Tensor, long Begin, int ByteCount)> Ranges(SafetensorsTensor tensor)
    {
        for (long begin = 0; begin < tensor.ByteCount; begin += RangeBytes)
        {
            yield return (tensor, begin, (int)Math.Min(RangeBytes, tensor.ByteCount - begin));
        }
    }

    /// <summary>The sizes of a Llama with grouped-query attention, four queries to a key.</summary>
    private readonly record struct LlamaShape(long Hidden, long Layers, long Intermediate, long Vocabulary)
    {
        public static LlamaShape ForParameters(long parameters)
        {
            // What no model is small enough for becomes the smallest.
            LlamaShape best = new(4 * SmallHeadSize, Layers: 1, Intermediate: 8, Vocabulary: 64);
            double bestDistance = double.MaxValue;
            foreach (long hidden in Candidates())
            {
                long vocabulary = Math.Clamp(parameters / (8 * hidden) / 64 * 64, 64, 32_000);
                long layers = Math.Clamp(hidden / 128, 1, 80);
                long rest = parameters - (2 * vocabulary * hidden) - hidden - (layers * ((5 * hidden * hidden / 2) + (2 * hidden)));
                long intermediate = Math.Max(8, rest / (3 * hidden * layers));
                double distance = Math.Abs(((double)intermediate / hidden) - 3.5);
                if (rest > 0 && distance < bestDistance)
                {
                    best = new LlamaShape(hidden, layers, intermediate, vocabulary);
                    bestDistance = distance;
                }
            }

            return best;
        }

        private static IEnumerable<long> Candidates()
        {
            for (long hidden = 4 * SmallHeadSize; hidden < 4 * HeadSize; hidden += 4 * SmallHeadSize)
            {
                yield return hidden;
            }

            for (long hidden = 4 * HeadSize; hidden <= 16_384; hidden += 4 * HeadSize)
            {
                yield return hidden;
            }
        }
    }
}
