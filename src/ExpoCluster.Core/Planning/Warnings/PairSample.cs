using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Planning.Warnings;

/// <summary>A few megabytes of both sides, which tell whether one was trained from the other.</summary>
/// <param name="Elements">How many weights were compared.</param>
/// <param name="Ratio">‖aligned − base‖ / ‖aligned‖. Real pairs have 0.001 to 0.1, unrelated models 1.4.</param>
/// <param name="Cosine">Of the weights: 1 for equal directions. Unrelated models have 0.</param>
internal sealed record PairSample(long Elements, double Ratio, double Cosine)
{
    /// <summary>Of one side; both together take twice as much.</summary>
    private const int MaxBytes = 8 << 20;

    private const int LocalPlaces = 64;

    // Each is a question to a server that is far away.
    private const int RemotePlaces = 3;

    private const int MaxStretchBytes = 128 << 10;

    private const int MinElements = 64;

    private const double MaxRatio = 0.5;

    private const double MinCosine = 0.9;

    /// <summary>Nobody would train so far: another model.</summary>
    public bool IsUnrelated => Elements >= MinElements && (Ratio > MaxRatio || Cosine < MinCosine);

    /// <summary>Training changes weights, however little: the same model, or one of which only a small part was trained.</summary>
    public bool IsWithoutDifference => Elements >= MinElements && Ratio == 0;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"‖aligned − base‖ is {Ratio:0.00} of ‖aligned‖, and the cosine of the weights {Cosine:0.00}");

    /// <summary>Reads the sample.</summary>
    /// <param name="baseCheckpoint">One side.</param>
    /// <param name="aligned">The other.</param>
    /// <param name="planned">Which tensors are computed.</param>
    /// <param name="work">What is read is counted there.</param>
    /// <returns>Null where no matrix is computed of which both have numbers.</returns>
    public static PairSample? Of(Checkpoint baseCheckpoint, Checkpoint aligned, ImmutableArray<PlannedTensor> planned, PlanningWork work)
    {
        bool isRemote = baseCheckpoint.Shards.Concat(aligned.Shards).Any(shard => shard.IsRemote);
        (CheckpointTensor Base, CheckpointTensor Aligned)[] chosen = [.. Choose(baseCheckpoint, aligned, planned, isRemote ? RemotePlaces : LocalPlaces)];
        double squaredDelta = 0;
        double squaredBase = 0;
        double squaredAligned = 0;
        double product = 0;
        long elements = 0;
        using var one = new Side(baseCheckpoint, work);
        using var two = new Side(aligned, work);
        foreach ((CheckpointTensor ofBase, CheckpointTensor ofAligned) in chosen)
        {
            int count = (int)Math.Min(ofAligned.ByteCount * 8 / ofAligned.Dtype.Bits(), Math.Min(MaxStretchBytes, MaxBytes / chosen.Length) * 8L / Math.Max(ofAligned.Dtype.Bits(), ofBase.Dtype.Bits()));
            float[] x = one.Read(ofBase, count);
            float[] y = two.Read(ofAligned, count);
            for (int i = 0; i < count; i++)
            {
                double difference = (double)y[i] - x[i];
                if (double.IsFinite(difference))
                {
                    squaredDelta += difference * difference;
                    squaredBase += (double)x[i] * x[i];
                    squaredAligned += (double)y[i] * y[i];
                    product += (double)x[i] * y[i];
                    elements++;
                }
            }
        }

        return squaredAligned == 0 || squaredBase == 0 ? null : new PairSample(elements, Math.Sqrt(squaredDelta / squaredAligned), product / Math.Sqrt(squaredBase * squaredAligned));
    }

    // Vectors are left out: norms of unrelated models are alike. Spread over the whole model, the same ones each time.
    private static IEnumerable<(CheckpointTensor Base, CheckpointTensor Aligned)> Choose(Checkpoint baseCheckpoint, Checkpoint aligned, ImmutableArray<PlannedTensor> planned, int places)
    {
        (CheckpointTensor Base, CheckpointTensor Aligned)[] all =
        [
            .. from tensor in planned
               where tensor.IsMerged && tensor.Entry.Shape.Length >= 2 && tensor.MergedElements is null
               let pair = (Base: baseCheckpoint.Tensors.GetValueOrDefault(tensor.Entry.Name), Aligned: aligned.Tensors.GetValueOrDefault(tensor.Entry.Name))
               where pair.Base is { Strides.IsDefault: true } && pair.Aligned is { Strides.IsDefault: true } && pair.Base.Shape.SequenceEqual(pair.Aligned.Shape)
               select (pair.Base!, pair.Aligned!),
        ];
        int count = Math.Min(places, all.Length);
        return Enumerable.Range(0, count).Select(place => all[(int)((long)place * all.Length / count)]);
    }

    /// <summary>One checkpoint's files, opened as they are needed.</summary>
    private sealed class Side(Checkpoint checkpoint, PlanningWork work) : IDisposable
    {
        private readonly Dictionary<int, WeightsFile> files = [];

        public void Dispose()
        {
            foreach (WeightsFile file in files.Values)
            {
                file.Dispose();
            }
        }

        /// <summary>Elements from the middle of a tensor, so that neither padding nor what is seldom used tells of the whole.</summary>
        public float[] Read(CheckpointTensor tensor, int count)
        {
            int width = tensor.Dtype.Bits() / 8;
            long first = ((tensor.ByteCount / width) - count) / 2;
            byte[] bytes = new byte[count * width];
            FileOf(tensor.Shard).Bytes.ReadExactly(bytes, tensor.Offset + (first * width));
            float[] values = new float[count];
            Decode(tensor.Dtype, bytes, values);
            return values;
        }

        private WeightsFile FileOf(int shard)
        {
            if (!files.TryGetValue(shard, out WeightsFile? file))
            {
                files[shard] = file = work.Watched(checkpoint.Folder.OpenWeights(checkpoint.Shards[shard].Name, checkpoint.EntryFileName));
            }

            return file;
        }

        private static void Decode(Dtype dtype, byte[] bytes, float[] values)
        {
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = dtype switch
                {
                    Dtype.BF16 => BitConverter.Int32BitsToSingle(BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(i * 2)) << 16),
                    Dtype.F16 => (float)BinaryPrimitives.ReadHalfLittleEndian(bytes.AsSpan(i * 2)),
                    Dtype.F32 => BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(i * 4)),
                    _ => (float)BinaryPrimitives.ReadDoubleLittleEndian(bytes.AsSpan(i * 8)),
                };
            }
        }
    }
}
