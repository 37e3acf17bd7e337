using System.Runtime.InteropServices;
using System.Text.Json;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Recipes.BuiltIn;
using ExpoCluster.Core.Samples;

namespace ExpoCluster.EndToEnd;

/// <summary>The twelve published models by name, from a local cache laid out as the Hub's own tools leave it, without a network.</summary>
public sealed class PublishedModelTests : IDisposable
{
    private readonly Workplace place = new();

    public static TheoryData<string> Names => [.. BuiltInRecipes.All.Select(recipe => recipe.Name)];

    public void Dispose() => place.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void A_name_and_a_directory_are_the_whole_command(string name)
    {
        PublishedPair pair = PublishedPair.Find(name)!;
        RunResult sample = ExpoProcess.Run("sample", place.PathOf("sample"), "--like", name, "--scale", "0.01");
        Assert.True(sample.ExitCode == 0, sample.ToString());
        string baseSide = SampleHubCache.LayOut(place.PathOf("hub"), pair.Base.Repository, place.PathOf("sample/base"));
        string alignedSide = SampleHubCache.LayOut(place.PathOf("hub"), pair.Aligned.Repository, place.PathOf("sample/aligned"));
        var offline = new Dictionary<string, string> { ["HF_HUB_CACHE"] = place.PathOf("hub"), ["HF_HUB_OFFLINE"] = "1" };

        RunResult plan = ExpoProcess.Run(offline, "plan", name, "--json");
        RunResult merge = ExpoProcess.Run(offline, "merge", name, "--out", place.Output, "--json");

        Assert.True(plan.ExitCode == 0 && merge.ExitCode == 0, plan.ToString() + merge);
        AssertMerged(Checkpoint.Open(baseSide), Checkpoint.Open(alignedSide), Checkpoint.Open(place.Output), (float)BuiltInRecipes.Named(name).Alpha);
        JsonElement config = JsonDocument.Parse(File.ReadAllText(Path.Join(place.Output, "config.json"))).RootElement;
        Assert.Equal(pair.Aligned.Family.Tensors(hasRotaryBuffers: false).Length, plan.Json.GetProperty("tensors").GetProperty("total").GetInt32());
        Assert.True(config.TryGetProperty("architectures", out _));
        Assert.False(File.Exists(Path.Join(place.Output, "training_args.bin")));
        Assert.Equal(0, ExpoProcess.Run("verify", place.Output).ExitCode);
    }

    // Apart from the engine: bytes of the three checkpoints as their headers place them, and the formula for one element.
    private static void AssertMerged(Checkpoint baseSide, Checkpoint alignedSide, Checkpoint output, float alpha)
    {
        Assert.Equal(alignedSide.Tensors.Keys.Order(StringComparer.Ordinal), output.Tensors.Keys.Order(StringComparer.Ordinal));
        foreach (string tensor in output.Tensors.Keys)
        {
            ushort[] b = Read(baseSide, tensor);
            ushort[] a = Read(alignedSide, tensor);
            ushort[] merged = Read(output, tensor);
            for (int i = 0; i < merged.Length; i++)
            {
                float delta = ToSingle(a[i]) - ToSingle(b[i]);
                float step = alpha * delta;
                Assert.True(ToBFloat16(ToSingle(a[i]) + step) == merged[i], $"{tensor}[{i}]");
            }
        }
    }

    private static ushort[] Read(Checkpoint checkpoint, string name)
    {
        CheckpointTensor tensor = checkpoint.Tensors[name];
        byte[] bytes = new byte[tensor.ByteCount];
        using FileStream file = File.OpenRead(checkpoint.Shards[tensor.Shard].Path);
        file.Position = tensor.Offset;
        file.ReadExactly(bytes);
        return MemoryMarshal.Cast<byte, ushort>(bytes).ToArray();
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
