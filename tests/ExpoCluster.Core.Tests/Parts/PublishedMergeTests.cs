using System.Runtime.InteropServices;
using System.Text.Json;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Recipes.BuiltIn;
using ExpoCluster.Core.Samples;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Parts;

/// <summary>The twelve published pairs, from a cache as the Hub's tools leave it, at small widths and, as plans, at their true size.</summary>
public sealed class PublishedMergeTests : IDisposable
{
    private const ulong Seed = 7;

    private readonly TemporaryDirectory place = new();

    public static TheoryData<string> Names => [.. PublishedPair.All.Select(pair => pair.Name)];

    public void Dispose() => place.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_element_is_what_a_computation_apart_from_the_engine_gives(string name)
    {
        PublishedPair pair = PublishedPair.Find(name)!;
        PublishedSample.WritePair(place.PathOf("s"), pair, scale: 0.01, Seed);
        double alpha = BuiltInRecipes.Named(name).Alpha;
        Plan plan = Planner.Plan(new Recipe
        {
            Base = SampleHubCache.LayOut(place.PathOf("hub"), pair.Base.Repository, place.PathOf("s", "base")),
            Aligned = SampleHubCache.LayOut(place.PathOf("hub"), pair.Aligned.Repository, place.PathOf("s", "aligned")),
            Alpha = alpha,
        }).Plan;

        Merge(plan);

        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (PlannedFile file in plan.Files)
        {
            byte[] content = File.ReadAllBytes(place.PathOf("out", file.Name));
            using ByteSource source = ByteSource.OfFile(place.PathOf("out", file.Name));
            foreach (WeightsTensor tensor in WeightsHeader.ReadFrom(source).Tensors)
            {
                found.Add(tensor.Name, file.Name);
                Assert.True(
                    Expected(tensor, (float)alpha).AsSpan().SequenceEqual(content.AsSpan((int)tensor.Offset, (int)tensor.ByteCount)), tensor.Name);
            }
        }

        Assert.Equal(pair.Aligned.Family.Tensors(hasRotaryBuffers: false).Select(tensor => tensor.Name).Order(StringComparer.Ordinal), found.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(pair.Aligned.Split().Length, plan.Files.Length);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void At_true_size_the_plan_has_the_published_parameters(string name)
    {
        PublishedPair pair = PublishedPair.Find(name)!;
        PublishedSample.WriteOutline(place.PathOf("base"), pair.Base);
        PublishedSample.WriteOutline(place.PathOf("aligned"), pair.Aligned);

        PlannedMerge merge = Planner.Plan(new Recipe { Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.5 });

        long parameters = pair.Aligned.Family.Tensors(hasRotaryBuffers: false).Sum(tensor => tensor.ElementCount);
        Assert.Equal(2 * parameters, merge.Plan.Files.Sum(file => file.ByteLength - file.Header.Length));
        Assert.Equal(4 * parameters, merge.Plan.InputByteCount);
        Assert.Equal(pair.Base.HasRotaryBuffers ? 1 : 0, merge.Notes.Length);
        Assert.All(merge.Plan.Files, file => Assert.Matches(@"^model-\d{5}-of-\d{5}\.safetensors$", file.Name));
    }

    [Theory]
    [InlineData("snorkel-mistral-pairrm", 5_000_000_000, "4.94 5.00 4.54")]
    [InlineData("snorkel-mistral-pairrm", null, "9.94 4.54")]
    [InlineData("tulu-2-dpo-7b", 5_000_000_000, "4.94 4.95 3.59")]
    public void A_split_by_size_gives_the_sizes_that_the_Hub_publishes(string name, long? maxShardBytes, string gigabytes)
    {
        PublishedPair pair = PublishedPair.Find(name)!;
        PublishedSample.WriteOutline(place.PathOf("base"), pair.Base);
        PublishedSample.WriteOutline(place.PathOf("aligned"), pair.Aligned);

        Plan plan = Planner.Plan(new Recipe { Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.5, MaxShardBytes = maxShardBytes }).Plan;

        Assert.Equal(
            gigabytes, string.Join(' ', plan.Files.Select(file => (file.ByteLength / 1e9).ToString("0.00", System.Globalization.CultureInfo.InvariantCulture))));
    }

    [Fact]
    public void Only_what_a_loader_needs_goes_along_with_the_weights()
    {
        PublishedSample.WriteOutline(place.PathOf("aligned"), PublishedPair.Find("snorkel-mistral-pairrm")!.Aligned);

        string[] files = [.. SideFileSelection.Select(place.PathOf("aligned")).Select(file => file.RelativePath)];

        Assert.Equal(["config.json", "generation_config.json", "special_tokens_map.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json"], files);
        byte[] original = File.ReadAllBytes(place.PathOf("aligned", "config.json"));
        using JsonDocument config = JsonDocument.Parse(ConfigJson.Of(original, new OutputFacts(WrittenDtypes.Only(Dtype.F32))).Content);
        Assert.Equal("float32", config.RootElement.GetProperty("torch_dtype").GetString());
        Assert.Equal(original.Length + "float32".Length - "bfloat16".Length, ConfigJson.Of(original, new OutputFacts(WrittenDtypes.Only(Dtype.F32))).Content.Length);
    }

    private void Merge(Plan plan)
    {
        using var inputs = new InputFiles(plan);
        var executor = new PartExecutor(rate: null);
        for (int file = 0; file < plan.Files.Length; file++)
        {
            string path = place.PathOf("out", plan.Files[file].Name);
            StagingFile.Create(path, plan.Files[file].Header, plan.Files[file].ByteLength);
            using StagingFile staging = StagingFile.OpenForTiles(path);
            for (int part = 0; part < plan.Files[file].PartCount; part++)
            {
                var order = new PartOrder(
                    "job", new Attempt(1, 1), 1, plan, PartGrid.Part(file, part, plan.Files[file].ByteLength), [new PartTarget(file, 1, path)], inputs, ReadMode.Mapped,
                    new WriteLease(TimeProvider.System, TimeSpan.FromMinutes(1)));
                Assert.IsType<PartOutcome.Computed>(executor.Execute(order, [staging]));
            }
        }
    }

    // Values made anew from the seed, and the formula written out for one element.
    private static byte[] Expected(WeightsTensor tensor, float alpha)
    {
        ushort[] baseValues = Values(tensor, isAligned: false);
        ushort[] aligned = Values(tensor, isAligned: true);
        ushort[] merged = new ushort[aligned.Length];
        for (int i = 0; i < merged.Length; i++)
        {
            float a = ToSingle(aligned[i]);
            float delta = a - ToSingle(baseValues[i]);
            float step = alpha * delta;
            merged[i] = ToBFloat16(a + step);
        }

        return MemoryMarshal.AsBytes(merged.AsSpan()).ToArray();
    }

    private static ushort[] Values(WeightsTensor tensor, bool isAligned)
    {
        ushort[] values = new ushort[tensor.ByteCount / 2];
        new SampleValues(Seed, isAligned).Fill(tensor.Name, Dtype.BF16, 0, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    private static float ToSingle(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    private static ushort ToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        uint half = bits & 0xFFFF;
        uint upper = bits >> 16;
        return (ushort)(half > 0x8000 || (half == 0x8000 && (upper & 1) == 1) ? upper + 1 : upper);
    }
}
