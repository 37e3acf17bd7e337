using System.Runtime.InteropServices;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Tests.Parts;

/// <summary>mergekit's own files give what mergekit gave.</summary>
public sealed class MergekitGoldenTests
{
    [Theory]
    [InlineData("expo_base_sft", true, "")]
    [InlineData("expo_base_sft", true, "tokenizer_source: union\nchat_template: auto\n")]
    [InlineData("linear", false, "")]
    public void A_file_of_mergekits_gives_its_numbers(string name, bool bitForBit, string more)
    {
        string folder = Path.Join(AppContext.BaseDirectory, "Fixtures", "mergekit");
        string yaml = File.ReadAllText(Path.Join(folder, name, "merge.yml")).Replace("inputs/", folder + "/inputs/", StringComparison.Ordinal) + more;
        Recipe recipe = RecipeDraft.FromYaml(yaml, "merge.yml").Validate().Recipe! with { MaxShardBytes = 1 << 30 };
        Plan plan = Planner.Plan(recipe).Plan;
        byte[] merged = Fill(plan);
        byte[] golden = File.ReadAllBytes(Path.Join(folder, name, "model.safetensors"));
        WeightsHeader header = HeaderOf(Path.Join(folder, name, "model.safetensors"));

        PlannedFile file = Assert.Single(plan.Files);
        Assert.Equal(header.Tensors.Length, file.Tensors.Length);
        foreach (PlannedTensor tensor in file.Tensors)
        {
            WeightsTensor expected = header.Tensors.Single(other => other.Name == tensor.Entry.Name);
            float[] ours = Floats(merged, file.Header.Length + tensor.Entry.Begin, tensor.Entry.ByteCount);
            float[] theirs = Floats(golden, expected.Offset, expected.ByteCount);
            float largest = theirs.Max(Math.Abs);
            Assert.Equal(theirs.Length, ours.Length);
            Assert.All(theirs.Zip(ours), pair => Assert.True(
                bitForBit ? pair.First.Equals(pair.Second) : Math.Abs(pair.First - pair.Second) <= 1e-6f * largest, $"{tensor.Entry.Name}: {pair.First} and {pair.Second}"));
        }
    }

    [Fact]
    public void Slices_over_all_layers_are_the_models()
    {
        string folder = Path.Join(AppContext.BaseDirectory, "Fixtures", "mergekit", "inputs");
        string Sources(int from, int to) => $"- sources:\n  - {{model: {folder}/sft, layer_range: [{from}, {to}]}}\n  - {{model: {folder}/aligned/, layer_range: [{from}, {to}], parameters: {{weight: 1.3}}}}\n";
        byte[] Merge(string lines) => Fill(Planner.Plan(
            RecipeDraft.FromYaml($"merge_method: task_arithmetic\nbase_model: {folder}/sft\n{lines}", "merge.yml").Validate().Recipe! with { MaxShardBytes = 1 << 30 }).Plan);
        byte[] whole = Merge($"models:\n- {{model: {folder}/aligned, parameters: {{weight: 1.3}}}}\n");

        Assert.Equal(whole, Merge("slices:\n" + Sources(0, 2)));
        Assert.Equal(whole, Merge("slices:\n" + Sources(0, 1) + Sources(1, 2)));
        Assert.Equal("EXPO1248", Assert.Throws<PlanningException>(() => Merge("slices:\n" + Sources(0, 1))).Code);
    }

    private static byte[] Fill(Plan plan)
    {
        byte[] bytes = new byte[plan.Files[0].ByteLength];
        using var inputs = new InputFiles(plan);
        using var executor = new PartExecutor(rate: null);
        executor.Fill(
            new PartOrder(
                "job", new Attempt(1, 1), 1, plan, PartGrid.Part(0, 0, bytes.Length), [new PartTarget(0, 1, "")], inputs, ReadMode.Mapped,
                new WriteLease(TimeProvider.System, TimeSpan.FromMinutes(1))),
            0,
            bytes);
        return bytes;
    }

    private static WeightsHeader HeaderOf(string path)
    {
        using ByteSource source = ByteSource.OfFile(File.OpenHandle(path), path);
        return WeightsHeader.ReadFrom(source);
    }

    private static float[] Floats(byte[] bytes, long begin, long count) =>
        MemoryMarshal.Cast<byte, float>(bytes.AsSpan((int)begin, (int)count)).ToArray();
}
