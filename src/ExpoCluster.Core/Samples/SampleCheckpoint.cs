using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Samples;

/// <summary>Made-up checkpoints of a real model's shape, to try things on.</summary>
public static class SampleCheckpoint
{
    private const string Unfinished = ".unfinished";

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
        Action<long>? bytesWritten = null) =>
        WriteSides(directory, (side, isAligned) => Write(side, tensors, new SampleValues(seed, isAligned), maxShardBytes, bytesWritten));

    /// <summary>Both sides get their names when both are whole, so that an interrupted command can be run again.</summary>
    /// <param name="directory">Gets <c>base</c> and <c>aligned</c>.</param>
    /// <param name="write">Fills the directory that it is given, for base and then for aligned.</param>
    internal static void WriteSides(string directory, Action<string, bool> write)
    {
        string baseSide = Path.GetFullPath(Path.Join(directory, "base"));
        string alignedSide = Path.GetFullPath(Path.Join(directory, "aligned"));
        foreach (string side in new[] { baseSide, alignedSide })
        {
            if (Path.Exists(side))
            {
                throw CheckpointErrors.SampleExists(side);
            }
        }

        write(CreateUnfinished(baseSide), false);
        write(CreateUnfinished(alignedSide), true);
        Durability.Rename(baseSide + Unfinished, baseSide);
        Durability.Rename(alignedSide + Unfinished, alignedSide);
    }

    private static string CreateUnfinished(string side)
    {
        string unfinished = side + Unfinished;
        if (Directory.Exists(unfinished))
        {
            Directory.Delete(unfinished, recursive: true);
        }

        Durability.CreateDirectory(unfinished);
        return unfinished;
    }

    private static void Write(
        string directory,
        ImmutableArray<SampleTensor> tensors,
        SampleValues values,
        long maxShardBytes,
        Action<long>? bytesWritten)
    {
        var writer = new SampleFileWriter(values, bytesWritten);
        ImmutableArray<ImmutableArray<int>> split = ShardSplitter.Split([.. tensors.Select(tensor => tensor.ByteCount)], maxShardBytes);
        var weightMap = new Dictionary<string, string>(StringComparer.Ordinal);
        for (int index = 0; index < split.Length; index++)
        {
            string name = ShardSplitter.FileName(index, split.Length);
            SampleTensor[] members = [.. split[index].Select(member => tensors[member])];
            writer.Write(Path.Join(directory, name), new SafetensorsSampleFile(members));
            foreach (SampleTensor member in members)
            {
                weightMap[member.Name] = name;
            }
        }

        if (split.Length > 1)
        {
            File.WriteAllBytes(
                Path.Join(directory, CheckpointLocation.IndexFileName), WeightIndex.Encode(tensors.Sum(tensor => tensor.ByteCount), weightMap));
        }

        SampleSideFiles.Write(directory, tensors);
    }
}
