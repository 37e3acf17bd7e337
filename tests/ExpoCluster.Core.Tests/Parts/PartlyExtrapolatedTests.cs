using System.Buffers.Binary;
using System.Collections.Immutable;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Core.Tests.Parts;

/// <summary>Matrices whose first rows are extrapolated and whose further rows are aligned's.</summary>
public sealed class PartlyExtrapolatedTests : IDisposable
{
    private const double Alpha = 0.3;
    private const int Columns = 7;

    private readonly TemporaryDirectory place = new();

    public static IEnumerable<object[]> Cases =>
        from width in new[] { VectorWidth.Scalar, VectorWidth.Bits128, VectorWidth.Bits256, VectorWidth.Bits512 }
        from dtypes in new (Dtype Aligned, Dtype Base, Dtype? Output)[]
        {
            (Dtype.BF16, Dtype.BF16, null), (Dtype.BF16, Dtype.F32, Dtype.F32), (Dtype.F32, Dtype.BF16, Dtype.BF16),
            (Dtype.F32, Dtype.F16, Dtype.F16), (Dtype.F16, Dtype.F16, Dtype.BF16), (Dtype.F64, Dtype.F32, Dtype.F32),
            (Dtype.F64, Dtype.F64, null), (Dtype.F32, Dtype.F64, Dtype.BF16),
        }
        select new object[] { width, dtypes.Aligned, dtypes.Base, dtypes.Output! };

    public void Dispose() => place.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void Any_range_is_what_a_scalar_computation_gives_wherever_it_cuts(VectorWidth width, Dtype aligned, Dtype other, Dtype? output)
    {
        Plan plan = PlanOf([("embed.weight", 301, 203), ("other.weight", 5, 5), ("small.weight", 9, 0)], aligned, other, output);
        byte[] expected = Expected(plan);
        int border = (int)(plan.Files[0].Header.Length + plan.Files[0].Tensors[0].Entry.Begin + plan.Files[0].Tensors[0].MergedByteCount);
        using var inputs = new InputFiles(plan);
        var executor = new PartExecutor(rate: null, width);

        Check(executor, Order(plan, 0, inputs), expected, 0, expected.Length);
        var random = new Random(7);
        for (int time = 0; time < 500; time++)
        {
            int begin = random.Next(expected.Length);
            Check(executor, Order(plan, 0, inputs), expected, begin, Math.Min(expected.Length, begin + random.Next(1, 300)));
        }

        foreach (int begin in Enumerable.Range(border - 20, 40))
        {
            Check(executor, Order(plan, 0, inputs), expected, begin, begin + random.Next(1, 40));
        }
    }

    [Theory]
    [InlineData(8190, 8200, null)]
    [InlineData(8190, 8200, Dtype.BF16)]
    [InlineData(8200, 16384, null)]
    public void Parts_on_both_sides_of_the_border_make_the_whole_file(int baseRows, int rows, Dtype? output)
    {
        const int columns = 1024;
        Plan plan = PlanOf([("embed.weight", rows, baseRows)], Dtype.F32, Dtype.F32, output, columns);
        using var inputs = new InputFiles(plan);
        string path = place.PathOf("staging", "model.safetensors");
        StagingFile.Create(path, plan.Files[0].Header, plan.Files[0].ByteLength);
        using (StagingFile staging = StagingFile.OpenForTiles(path))
        {
            var executor = new PartExecutor(rate: null);
            for (int part = plan.PartCount - 1; part >= 0; part--)
            {
                Assert.IsType<PartOutcome.Computed>(executor.Execute(Order(plan, part, inputs), [staging]));
            }
        }

        Assert.True(File.ReadAllBytes(path).AsSpan().SequenceEqual(Expected(plan)));
        Assert.Equal(output is null && baseRows > 8192 ? 3 : output is null ? 2 : 1, plan.PartCount);
    }

    [Fact]
    public void Copied_rows_of_the_same_dtype_keep_their_bytes_and_cast_ones_their_infinities_and_zeros()
    {
        float[] odd = [float.PositiveInfinity, float.NegativeInfinity, -0f, BitConverter.UInt32BitsToSingle(0x7FA00001), 1f, 2f, 3f];
        byte[] row = [.. odd.SelectMany(BitConverter.GetBytes)];
        Write("base", [("e", Dtype.F32, 1)], _ => row);
        Write("aligned", [("e", Dtype.F32, 2)], _ => [.. row, .. row]);

        byte[] same = Fill(PlanOf(output: null));
        byte[] half = Fill(PlanOf(Dtype.BF16));

        Assert.Equal(row, same[^row.Length..]);
        Assert.Equal(
            [0x7F80, 0xFF80, 0x8000, 0x7FC0, 0x3F80, 0x4000, 0x4040],
            Enumerable.Range(0, Columns).Select(index => (int)BinaryPrimitives.ReadUInt16LittleEndian(half.AsSpan(half.Length - (2 * Columns) + (2 * index)))));
    }

    [Fact]
    public void Only_the_rows_that_base_has_are_read_of_it_and_counted()
    {
        Plan plan = PlanOf([("embed.weight", 301, 203)], Dtype.BF16, Dtype.F32, output: null);
        using var inputs = new InputFiles(plan);

        var computed = (PartOutcome.Computed)new PartExecutor(rate: null).Execute(Order(plan, 0, inputs), []);

        Assert.Equal(plan.InputByteCount, computed.BytesRead);
        Assert.Equal((301 * Columns * 2) + (203 * Columns * 4), computed.BytesRead);
        Assert.Equal(203 * Columns, Assert.Single(PartStatistics.Decode(computed.Results[0].Statistics.Span)).Sums.Elements);
    }

    private static void Check(PartExecutor executor, PartOrder order, byte[] expected, int begin, int end)
    {
        byte[] bytes = new byte[end - begin];
        executor.Fill(order, begin, bytes);
        Assert.True(bytes.AsSpan().SequenceEqual(expected.AsSpan(begin..end)), $"[{begin}, {end})");
    }

    private static byte[] Fill(Plan plan)
    {
        using var inputs = new InputFiles(plan);
        byte[] bytes = new byte[plan.Files[0].ByteLength];
        new PartExecutor(rate: null).Fill(Order(plan, 0, inputs), 0, bytes);
        return bytes;
    }

    private static PartOrder Order(Plan plan, int part, InputFiles inputs) => new(
        "job", new Attempt(1, 1), 1, plan, PartGrid.Part(0, part, plan.Files[0].ByteLength), [new PartTarget(0, 1, "")], inputs, ReadMode.Mapped,
        new WriteLease(TimeProvider.System, TimeSpan.FromMinutes(1)));

    // The documented formula, element by element, without the kernels.
    private static byte[] Expected(Plan plan)
    {
        PlannedFile file = plan.Files[0];
        byte[] output = new byte[file.ByteLength];
        file.Header.CopyTo(output, 0);
        byte[][] inputs = [.. plan.Inputs.Select(input => File.ReadAllBytes(input.Path))];
        foreach (PlannedTensor tensor in file.Tensors)
        {
            int size = tensor.Entry.Dtype.Bits() / 8;
            bool inDouble = tensor.Sources[0].Dtype == Dtype.F64 || tensor.Sources[1].Dtype == Dtype.F64;
            for (int index = 0; index < tensor.Entry.ElementCount; index++)
            {
                double aligned = Load(inputs[tensor.Sources[0].Input], tensor.Sources[0], index);
                double value = index >= tensor.MergedElements ? aligned
                    : inDouble ? aligned + (Alpha * (aligned - Load(inputs[tensor.Sources[1].Input], tensor.Sources[1], index)))
                    : (float)aligned + ((float)Alpha * ((float)aligned - (float)Load(inputs[tensor.Sources[1].Input], tensor.Sources[1], index)));
                Store(value, tensor.Entry.Dtype, output.AsSpan((int)(file.Header.Length + tensor.Entry.Begin) + (index * size)));
            }
        }

        return output;
    }

    private static double Load(byte[] file, TensorSource source, int index)
    {
        ReadOnlySpan<byte> bytes = file.AsSpan((int)source.Offset + (index * source.Dtype.Bits() / 8));
        return source.Dtype switch
        {
            Dtype.BF16 => BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(bytes) << 16),
            Dtype.F16 => (double)BinaryPrimitives.ReadHalfLittleEndian(bytes),
            Dtype.F32 => BinaryPrimitives.ReadSingleLittleEndian(bytes),
            _ => BinaryPrimitives.ReadDoubleLittleEndian(bytes),
        };
    }

    private static void Store(double value, Dtype dtype, Span<byte> target)
    {
        switch (dtype)
        {
            case Dtype.BF16:
                uint bits = BitConverter.SingleToUInt32Bits((float)value);
                BinaryPrimitives.WriteUInt16LittleEndian(target, (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16));
                break;
            case Dtype.F16:
                BinaryPrimitives.WriteHalfLittleEndian(target, (Half)(float)value);
                break;
            case Dtype.F32:
                BinaryPrimitives.WriteSingleLittleEndian(target, (float)value);
                break;
            default:
                BinaryPrimitives.WriteDoubleLittleEndian(target, value);
                break;
        }
    }

    private Plan PlanOf((string Name, int Rows, int BaseRows)[] tensors, Dtype aligned, Dtype other, Dtype? output, int columns = Columns)
    {
        Write("base", [.. tensors.Select(tensor => (tensor.Name, other, tensor.BaseRows))], count => Values(count, other, seed: 1), columns);
        Write("aligned", [.. tensors.Select(tensor => (tensor.Name, aligned, tensor.Rows))], count => Values(count, aligned, seed: 2), columns);
        return PlanOf(output);
    }

    private Plan PlanOf(Dtype? output) => Planner.Plan(new Recipe
    {
        Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = Alpha, OutputDtype = output, OnMismatch = MismatchPolicy.ExtrapolateCommonRows,
    }).Plan;

    private static byte[] Values(int byteCount, Dtype dtype, int seed)
    {
        var random = new Random(seed);
        byte[] bytes = new byte[byteCount];
        for (int at = 0; at < byteCount; at += dtype.Bits() / 8)
        {
            Store((random.NextDouble() - 0.5) * 8, dtype, bytes.AsSpan(at));
        }

        return bytes;
    }

    private void Write(string side, (string Name, Dtype Dtype, int Rows)[] tensors, Func<int, byte[]> data, int columns = Columns)
    {
        Directory.CreateDirectory(place.PathOf(side));
        ImmutableArray<SafetensorsTensor> entries = SafetensorsLayout.Arrange(
            tensors.Select(tensor => (tensor.Name, tensor.Dtype, ImmutableArray.Create<long>(tensor.Rows, columns))));
        using FileStream stream = File.Create(place.PathOf(side, "model.safetensors"));
        stream.Write(SafetensorsHeader.Encode(entries, ImmutableSortedDictionary<string, string>.Empty.Add("format", "pt")));
        foreach (SafetensorsTensor entry in entries)
        {
            stream.Write(data((int)entry.ByteCount));
        }
    }
}
