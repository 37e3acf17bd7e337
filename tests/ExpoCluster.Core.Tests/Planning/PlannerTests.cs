using ExpoCluster.Core.Methods;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Core.Tests.Planning;

public sealed class PlannerTests : IDisposable
{
    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Fact]
    public void Tensors_are_joined_by_name_however_they_are_spread_over_files()
    {
        place.Write("base/model.safetensors", ("a", Dtype.F32, [2], 1), ("b", Dtype.F32, [3], 2), ("c", Dtype.F32, [4], 3));
        place.Write("aligned/model-00001-of-00002.safetensors", ("c", Dtype.F32, [4], 4));
        place.Write("aligned/model-00002-of-00002.safetensors", ("a", Dtype.F32, [2], 5), ("b", Dtype.F32, [3], 6));
        place.WriteIndex("aligned", ("a", "model-00002-of-00002.safetensors"), ("b", "model-00002-of-00002.safetensors"), ("c", "model-00001-of-00002.safetensors"));

        Plan plan = PlanOf().Plan;

        Assert.Equal(["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"], plan.Files.Select(file => file.Name));
        Assert.Equal(["c"], plan.Files[0].Tensors.Select(tensor => tensor.Entry.Name));
        PlannedTensor b = plan.Files[1].Tensors.Single(tensor => tensor.Entry.Name == "b");
        Assert.Equal(6, ByteAt(plan, b.Sources[0]));
        Assert.Equal(2, ByteAt(plan, b.Sources[1]));
    }

    [Fact]
    public void A_single_output_file_is_model_safetensors_whatever_its_source_is_called()
    {
        place.Write("base/model.safetensors", ("a", Dtype.F32, [2], 1));
        place.Write("aligned/weights.safetensors", ("a", Dtype.F32, [2], 1));

        Assert.Equal("model.safetensors", Assert.Single(PlanOf().Plan.Files).Name);
    }

    [Theory]
    [InlineData(null, Numerics.Exact, Dtype.F16)]
    [InlineData(Dtype.F32, Numerics.Exact, Dtype.F32)]
    [InlineData(null, Numerics.Official, Dtype.BF16)]
    public void The_output_dtype_is_aligneds_the_recipes_or_the_papers(Dtype? asked, Numerics numerics, Dtype expected)
    {
        place.Write("base/model.safetensors", ("a", Dtype.F32, [2], 1));
        place.Write("aligned/model.safetensors", ("a", Dtype.F16, [2], 1));

        Assert.Equal(expected, PlanOf(recipe => recipe with { OutputDtype = asked, Numerics = numerics }).Plan.Files[0].Tensors[0].Entry.Dtype);
    }

    [Fact]
    public void All_mismatches_are_reported_at_once()
    {
        WriteMismatchedPair();

        PlanningException exception = Assert.Throws<PlanningException>(() => PlanOf());

        Assert.Equal(
            [
                ("EXPO1205", "dtype"), ("EXPO1204", "integers"), ("EXPO1201", "only_aligned"), ("EXPO1203", "shape"), ("EXPO1202", "only_base"),
            ],
            exception.Problems.Select(problem => (problem.Code, problem.Tensor)));
        Assert.All(exception.Problems, problem => Assert.Contains($"'{problem.Tensor}'", problem.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void Copy_aligned_takes_them_from_aligned_and_says_so()
    {
        WriteMismatchedPair();

        PlannedMerge merge = PlanOf(recipe => recipe with { OnMismatch = MismatchPolicy.CopyAligned });

        Dictionary<string, TensorRule> actions = merge.Plan.Files[0].Tensors.ToDictionary(tensor => tensor.Entry.Name, tensor => tensor.Rule);
        Assert.Equal(["dtype", "good", "integers", "only_aligned", "same_integers", "shape"], actions.Keys.Order());
        Assert.Equal(TensorRule.Merge, actions["good"]);
        Assert.Equal(TensorRule.Copy, actions["shape"]);
        Assert.Contains(merge.Notes, note => note.StartsWith("4 tensors taken from aligned as they are: dtype, integers, only_aligned, shape", StringComparison.Ordinal));
        Assert.Contains(merge.Notes, note => note.Contains("only base has it: only_base", StringComparison.Ordinal));
    }

    [Fact]
    public void Drop_leaves_them_out_and_says_so()
    {
        WriteMismatchedPair();

        PlannedMerge merge = PlanOf(recipe => recipe with { OnMismatch = MismatchPolicy.Drop });

        Assert.Equal(["good", "same_integers"], merge.Plan.Files[0].Tensors.Select(tensor => tensor.Entry.Name).Order());
        Assert.Contains(merge.Notes, note => note.StartsWith("4 tensors left out, for base and aligned do not match", StringComparison.Ordinal));
    }

    [Fact]
    public void Equal_integers_are_copied_after_a_check()
    {
        place.Write("base/model.safetensors", ("a", Dtype.F32, [2], 1), ("n", Dtype.I64, [], 7));
        place.Write("aligned/model.safetensors", ("a", Dtype.F32, [2], 1), ("n", Dtype.I64, [], 7));

        PlannedTensor copied = PlanOf().Plan.Files[0].Tensors.Single(tensor => tensor.Entry.Name == "n");

        Assert.Equal((TensorRule.CopyEqual, 0d), (copied.Rule, ExpoMethod.AlphaOf(copied.Parameters)));
    }

    [Fact]
    public void Rotary_frequencies_are_left_out_of_either_side()
    {
        place.Write("base/model.safetensors", ("a", Dtype.F32, [2], 1), ("model.layers.0.self_attn.rotary_emb.inv_freq", Dtype.F32, [2], 1));
        place.Write("aligned/model.safetensors", ("a", Dtype.F32, [2], 1), ("model.layers.1.self_attn.rotary_emb.inv_freq", Dtype.F32, [2], 1));

        PlannedMerge merge = PlanOf();

        Assert.Equal("a", Assert.Single(merge.Plan.Files[0].Tensors).Entry.Name);
        Assert.StartsWith("2 tensors left out, for they are derived", Assert.Single(merge.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_tensor_in_common_there_is_nothing_to_merge()
    {
        place.Write("base/model.safetensors", ("a", Dtype.F32, [2], 1));
        place.Write("aligned/model.safetensors", ("b", Dtype.F32, [2], 1));

        PlanningException exception = Assert.Throws<PlanningException>(() => PlanOf(recipe => recipe with { OnMismatch = MismatchPolicy.Drop }));

        Assert.Equal("EXPO1206", exception.Code);
    }

    [Fact]
    public void By_size_files_follow_the_hubs_rule_and_names()
    {
        (string, Dtype, long[], byte)[] tensors =
        [
            ("lm_head.weight", Dtype.F32, [10], 1), ("model.embed_tokens.weight", Dtype.F32, [10], 1), ("model.layers.10.w", Dtype.F32, [10], 1),
            ("model.layers.2.w", Dtype.F32, [10], 1),
        ];
        place.Write("base/model.safetensors", tensors);
        place.Write("aligned/model.safetensors", tensors);

        Plan plan = PlanOf(recipe => recipe with { MaxShardBytes = 80 }).Plan;

        Assert.Equal(["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"], plan.Files.Select(file => file.Name));
        Assert.Equal(["model.embed_tokens.weight", "model.layers.2.w"], plan.Files[0].Tensors.Select(tensor => tensor.Entry.Name));
        Assert.Equal(["lm_head.weight", "model.layers.10.w"], plan.Files[1].Tensors.Select(tensor => tensor.Entry.Name));
    }

    [Fact]
    public void Equal_recipes_over_equal_inputs_give_equal_plans()
    {
        WriteGoodPair();

        Assert.Equal(PlanOf().Plan.CanonicalJson.ToArray(), PlanOf(recipe => recipe with { Output = "/elsewhere", Name = "other" }).Plan.CanonicalJson.ToArray());
    }

    [Theory]
    [InlineData("alpha")]
    [InlineData("numerics")]
    [InlineData("dtype")]
    [InlineData("layout")]
    [InlineData("touched input")]
    public void Whatever_changes_the_output_changes_the_digest(string what)
    {
        WriteGoodPair();
        string before = PlanOf().Plan.Digest;
        if (what == "touched input")
        {
            File.SetLastWriteTimeUtc(place.PathOf("base", "model.safetensors"), DateTime.UtcNow.AddHours(1));
        }

        string after = PlanOf(recipe => what switch
        {
            "alpha" => recipe with { Alpha = 0.30000000000000004 },
            "numerics" => recipe with { Numerics = Numerics.Official },
            "dtype" => recipe with { OutputDtype = Dtype.F16 },
            "layout" => recipe with { MaxShardBytes = 12 },
            _ => recipe,
        }).Plan.Digest;

        Assert.NotEqual(before, after);
    }

    [Fact]
    public void A_plan_that_was_written_is_read_back_whole()
    {
        WriteMismatchedPair();
        Plan plan = PlanOf(recipe => recipe with { OnMismatch = MismatchPolicy.CopyAligned, MaxShardBytes = 20, Alpha = -1e-7 }).Plan;

        Plan read = PlanJson.Read(plan.CanonicalJson);

        Assert.Equal(plan.Digest, read.Digest);
        Assert.Equal(plan.Files.Select(file => file.ByteLength), read.Files.Select(file => file.ByteLength));
        Assert.Equal(plan.Files[0].Header, read.Files[0].Header);
    }

    [Fact]
    public void A_stored_plan_must_be_the_one_that_is_asked_for()
    {
        WriteGoodPair();
        Plan plan = PlanOf().Plan;
        string path = place.PathOf("plan.json");
        new PlanStore().Save(path, plan);

        Assert.Equal(plan.Digest, new PlanStore().Load(path, plan.Digest).Digest);
        Assert.Equal("EXPO3005", Assert.Throws<Core.Jobs.JobException>(() => new PlanStore().Load(path, "another")).Code);
        File.AppendAllText(path, " ");
        Assert.Equal("EXPO3005", Assert.Throws<Core.Jobs.JobException>(() => new PlanStore().Load(path, plan.Digest)).Code);
        File.Delete(path);
        Assert.Equal("EXPO3005", Assert.Throws<Core.Jobs.JobException>(() => new PlanStore().Load(path, plan.Digest)).Code);
    }

    [Fact]
    public void What_is_read_and_written_is_counted_in_bytes()
    {
        place.Write("base/model.safetensors", ("a", Dtype.F32, [100], 1));
        place.Write("aligned/model.safetensors", ("a", Dtype.BF16, [100], 1));

        Plan plan = PlanOf(recipe => recipe with { OutputDtype = Dtype.F32 }).Plan;

        Assert.Equal(400 + 200, plan.InputByteCount);
        Assert.Equal(400 + plan.Files[0].Header.Length, plan.OutputByteCount);
        Assert.Equal(Dtype.F32, plan.MainDtype);
    }

    private void WriteGoodPair()
    {
        place.Write("base/model.safetensors", ("a", Dtype.F32, [2], 1), ("b", Dtype.F32, [3], 2));
        place.Write("aligned/model.safetensors", ("a", Dtype.F32, [2], 1), ("b", Dtype.F32, [3], 2));
    }

    private void WriteMismatchedPair()
    {
        place.Write(
            "base/model.safetensors",
            ("good", Dtype.F32, [200], 1),
            ("dtype", Dtype.I32, [2], 1),
            ("integers", Dtype.I64, [1], 1),
            ("same_integers", Dtype.U8, [3], 9),
            ("only_base", Dtype.F32, [2], 1),
            ("shape", Dtype.F32, [2, 3], 1));
        place.Write(
            "aligned/model.safetensors",
            ("good", Dtype.F32, [200], 1),
            ("dtype", Dtype.F32, [2], 1),
            ("integers", Dtype.I64, [1], 2),
            ("same_integers", Dtype.U8, [3], 9),
            ("only_aligned", Dtype.F32, [2], 1),
            ("shape", Dtype.F32, [3, 2], 1));
    }

    private PlannedMerge PlanOf(Func<Recipe, Recipe>? change = null)
    {
        var recipe = new Recipe { Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.3 };
        return Planner.Plan(change is null ? recipe : change(recipe));
    }

    private static byte ByteAt(Plan plan, TensorSource source) => File.ReadAllBytes(plan.Inputs[source.Input].Path)[source.Offset];
}
