using System.Collections.Immutable;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Methods;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Core.Tests.Planning;

public sealed class PlanTests : IDisposable
{
    // Frozen: journals and provenances hold its digest.
    private const string Json =
        """{"format":1,"numerics_version":1,"method":"expo","numerics":"exact","side_files":"/models/aligned","inputs":[{"path":"/models/aligned/model.safetensors","bytes":200,"modified_ns":1700000000123456789,"header_sha256":"aa"},{"path":"/models/é\"/b","bytes":300,"modified_ns":-5,"header_sha256":"bb"}],"files":[{"name":"model.safetensors","tensors":[["w","F32",[2,3],0,0.3,[0,104,"BF16"],[1,96,"F64"]],["empty","F32",[0,4],0,-1E-07,[0,100,"F32"],[1,96,"F32"]],["n","U8",[],1,0,[0,180,"U8"],[1,280,"U8"]],["q","F4",[4],2,0,[0,181,"F4"],null]]}]}""";

    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Fact]
    public void The_written_plan_is_frozen()
    {
        Plan plan = Example();

        Assert.Equal(Json, Encoding.UTF8.GetString(plan.CanonicalJson.Span));
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(Json))), plan.Digest);
    }

    [Fact]
    public void Read_and_written_again_it_is_the_same_in_all_its_parts()
    {
        Plan read = PlanJson.Read(Encoding.UTF8.GetBytes(Json));

        Assert.Equal(Json, Encoding.UTF8.GetString(read.CanonicalJson.Span));
        Assert.Equal(Example().Files[0].Header, read.Files[0].Header);
        Assert.Equal(Example().Files[0].Tensors.Select(Describe), read.Files[0].Tensors.Select(Describe));
        Assert.Equal(Example().Inputs.AsEnumerable(), read.Inputs);
    }

    // What a later version wrote: its bytes are not those that this one would write, and its name is theirs.
    [Fact]
    public void A_plan_that_was_read_keeps_its_bytes_and_their_digest()
    {
        byte[] spaced = Encoding.UTF8.GetBytes(Json.Replace("\"method\":", "\"later\":[1], \"method\":", StringComparison.Ordinal));

        Plan read = PlanJson.Read(spaced);

        Assert.Equal(spaced, read.CanonicalJson.ToArray());
        Assert.Equal(PlanJson.Digest(spaced), read.Digest);
        Assert.Equal(Example().Files[0].Tensors.Select(Describe), read.Files[0].Tensors.Select(Describe));
    }

    [Fact]
    public void A_plan_of_a_later_format_is_not_a_damaged_one()
    {
        string json = Json.Replace("{\"format\":1,", "{\"format\":9,", StringComparison.Ordinal);
        string path = place.Write("plan.json", json);

        JobException exception = Assert.Throws<JobException>(() => new PlanStore().Load(path, PlanJson.Digest(Encoding.UTF8.GetBytes(json))));

        Assert.Equal("EXPO3004", exception.Code);
        Assert.Contains("format 9", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_numbers_of_actions_are_frozen() =>
        Assert.Equal([0, 1, 2], new[] { TensorRule.Merge, TensorRule.CopyEqual, TensorRule.Copy }.Select(action => (int)action));

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("""{"format":"1"}""")]
    [InlineData("""{"format":2}""")]
    [InlineData("""{"format":1,"numerics_version":1,"method":"expo","numerics":"exact","side_files":null,"inputs":[],"files":[{"name":"x","tensors":[["w","F7",[],0,0,[0,0,"F32"],null]]}]}""")]
    [InlineData("""{"format":1,"numerics_version":1,"method":"expo","numerics":"exact","side_files":null,"inputs":[],"files":[{"name":"x","tensors":[["w"]]}]}""")]
    public void What_is_no_plan_is_refused_as_such(string json) =>
        Assert.ThrowsAny<JsonException>(() => PlanJson.Read(Encoding.UTF8.GetBytes(json)));

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"format":2}""")]
    public void A_stored_file_that_is_no_plan_of_this_version_is_a_damaged_one(string json)
    {
        string path = place.Write("plan.json", json);

        JobException exception = Assert.Throws<JobException>(() => new PlanStore().Load(path, PlanJson.Digest(Encoding.UTF8.GetBytes(json))));

        Assert.Equal("EXPO3005", exception.Code);
        Assert.Contains(path, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plan_is_remembered_until_it_is_forgotten()
    {
        Plan plan = Example();
        string path = place.PathOf("plan.json");
        var store = new PlanStore();
        store.Save(path, plan);
        File.WriteAllText(path, "damaged");

        Assert.Same(plan, store.Load(path, plan.Digest));
        store.Forget(plan.Digest);
        Assert.Throws<JobException>(() => store.Load(path, plan.Digest));
    }

    [Theory]
    [InlineData(-100, 0)]
    [InlineData(0, 0)]
    [InlineData(23, 0)]
    [InlineData(24, 2)]
    [InlineData(25, 3)]
    [InlineData(26, 3)]
    [InlineData(27, 4)]
    public void The_first_tensor_behind_an_offset_is_never_an_empty_one_that_ends_there(long offset, int index) =>
        Assert.Equal(index, Example().Files[0].FirstTensorBehind(offset));

    [Fact]
    public void Bytes_of_sources_are_those_of_their_own_dtypes()
    {
        ImmutableArray<PlannedTensor> tensors = Example().Files[0].Tensors;

        Assert.Equal((12L, 48L), (tensors[0].ByteCountOf(tensors[0].Sources[0]), tensors[0].ByteCountOf(tensors[0].Sources[1])));
        Assert.Equal(2, tensors[3].ByteCountOf(tensors[3].Sources[0]));
        Assert.Equal(12 + 48 + 0 + 0 + 1 + 1 + 2, Example().InputByteCount);
    }

    [Fact]
    public void The_main_dtype_is_that_of_most_bytes_and_none_where_nothing_is_computed()
    {
        Assert.Equal(Dtype.F32, Example().MainDtype);
        Plan copies = new(1, "expo", Numerics.Exact, [], null, [new PlannedFile("f", [Tensor("n", Dtype.I64, [3], 0, 24, TensorRule.Copy)])]);
        Assert.Null(copies.MainDtype);
    }

    [Fact]
    public void Twenty_thousand_tensors_are_planned_within_seconds()
    {
        (string Name, Dtype Dtype, ImmutableArray<long> Shape)[] tensors =
            [.. Enumerable.Range(0, 20_000).Select(index => ($"model.layers.{index / 200}.experts.{index % 200}.w", Dtype.F32, ImmutableArray.Create(1L)))];
        WriteZeros("base", tensors);
        WriteZeros("aligned", tensors);
        long start = Stopwatch.GetTimestamp();

        Plan plan = Planner.Plan(new Recipe { Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.3, MaxShardBytes = 8_000 }).Plan;
        Plan again = PlanJson.Read(plan.CanonicalJson);

        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(30), $"{Stopwatch.GetElapsedTime(start)}");
        Assert.Equal((10, plan.Digest), (plan.Files.Length, again.Digest));
        Assert.Equal(20_000, plan.Files.Sum(file => file.Tensors.Length));
    }

    [Fact]
    public void Names_stay_only_when_every_file_of_aligned_is_still_there()
    {
        place.Write("base/model.safetensors", ("a", Dtype.F32, [2], 1), ("b", Dtype.F32, [2], 1));
        place.Write("aligned/model-00001-of-00003.safetensors", ("a", Dtype.F32, [2], 1));
        place.Write("aligned/model-00002-of-00003.safetensors", ("x.rotary_emb.inv_freq", Dtype.F32, [2], 1));
        place.Write("aligned/model-00003-of-00003.safetensors", ("b", Dtype.F32, [2], 1));
        place.WriteIndex(
            "aligned", ("a", "model-00001-of-00003.safetensors"), ("x.rotary_emb.inv_freq", "model-00002-of-00003.safetensors"),
            ("b", "model-00003-of-00003.safetensors"));

        Assert.Equal(["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"], PlanOf().Files.Select(file => file.Name));
    }

    [Fact]
    public void Names_that_loaders_do_not_expect_become_those_that_they_do()
    {
        place.Write("base/model.safetensors", ("a", Dtype.F32, [2], 1), ("b", Dtype.F32, [2], 1));
        place.Write("aligned/part-a.safetensors", ("a", Dtype.F32, [2], 1));
        place.Write("aligned/part-b.safetensors", ("b", Dtype.F32, [2], 1));
        place.WriteIndex("aligned", ("a", "part-a.safetensors"), ("b", "part-b.safetensors"));

        Assert.Equal(["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"], PlanOf().Files.Select(file => file.Name));
    }

    [Fact]
    public void In_a_file_tensors_lie_as_the_formats_own_writer_puts_them()
    {
        (string, Dtype, long[], byte)[] tensors =
        [
            ("b", Dtype.F16, [1], 1), ("a", Dtype.U8, [3], 1), ("c", Dtype.F32, [1], 1), ("a.", Dtype.F16, [1], 1), ("z", Dtype.I64, [1], 1),
        ];
        place.Write("base/model.safetensors", tensors);
        place.Write("aligned/model.safetensors", tensors);

        ImmutableArray<PlannedTensor> planned = Assert.Single(PlanOf().Files).Tensors;

        Assert.Equal(["z", "c", "a.", "b", "a"], planned.Select(tensor => tensor.Entry.Name));
        Assert.Equal([0, 8, 12, 14, 16], planned.Select(tensor => tensor.Entry.Begin));
    }

    [Fact]
    public void The_digest_is_not_changed_by_a_spelling_of_a_path_and_is_by_the_other_model()
    {
        place.Write("base/model.safetensors", ("a", Dtype.F32, [2], 1));
        place.Write("aligned/model.safetensors", ("a", Dtype.F32, [2], 1));
        Directory.CreateSymbolicLink(place.PathOf("link"), place.PathOf("base"));
        string digest = PlanOf().Digest;

        Assert.Equal(digest, PlanOf(recipe => recipe with { Base = place.PathOf("link") }).Digest);
        Assert.Equal(digest, PlanOf(recipe => recipe with { Base = place.PathOf("aligned", "..", "base") }).Digest);
        Assert.NotEqual(digest, PlanOf(recipe => recipe with { Base = recipe.Aligned, Aligned = recipe.Base }).Digest);
    }

    [Fact]
    public void A_file_that_is_base_and_aligned_is_one_input()
    {
        place.Write("aligned/model.safetensors", ("a", Dtype.F32, [2], 1));

        Assert.Single(PlanOf(recipe => recipe with { Base = recipe.Aligned }).Inputs);
    }

    [Fact]
    public void All_integers_that_differ_are_named_at_once()
    {
        place.Write("base/model.safetensors", ("n", Dtype.I64, [1], 1), ("m", Dtype.Bool, [1], 0), ("same", Dtype.U8, [1], 5));
        place.Write("aligned/model.safetensors", ("n", Dtype.I64, [1], 2), ("m", Dtype.Bool, [1], 1), ("same", Dtype.U8, [1], 5));

        PlanningException exception = Assert.Throws<PlanningException>(() => PlanOf());

        Assert.Equal([("EXPO1204", "m"), ("EXPO1204", "n")], exception.Problems.Select(problem => (problem.Code, problem.Tensor)));
    }

    [Theory]
    [InlineData(MismatchPolicy.Error, TensorRule.CopyEqual)]
    [InlineData(MismatchPolicy.CopyAligned, TensorRule.Copy)]
    [InlineData(MismatchPolicy.Drop, null)]
    public void A_large_integer_tensor_is_compared_when_planning_only_where_the_plan_depends_on_it(MismatchPolicy policy, TensorRule? action)
    {
        place.Write("base/model.safetensors", ("a", Dtype.F32, [2], 1), ("n", Dtype.U8, [(1 << 20) + 1], 1));
        place.Write("aligned/model.safetensors", ("a", Dtype.F32, [2], 1), ("n", Dtype.U8, [(1 << 20) + 1], 2));

        Plan plan = PlanOf(recipe => recipe with { OnMismatch = new MismatchRule.ByPattern(new TensorPatterns<MismatchPolicy>([new TensorPattern<MismatchPolicy>("n", policy)])) });

        Assert.Equal(action, plan.Files[0].Tensors.SingleOrDefault(tensor => tensor.Entry.Name == "n")?.Rule);
    }

    private static Plan Example() => new(
        1,
        "expo",
        Numerics.Exact,
        [
            new PlanInput("/models/aligned/model.safetensors", 200, 1_700_000_000_123_456_789, "aa"),
            new PlanInput("/models/é\"/b", 300, -5, "bb"),
        ],
        "/models/aligned",
        [
            new PlannedFile(
                "model.safetensors",
                [
                    new PlannedTensor(
                        new SafetensorsTensor("w", Dtype.F32, [2, 3], 0, 24), TensorRule.Merge, [new TensorSource(0, 104, Dtype.BF16), new TensorSource(1, 96, Dtype.F64)], ExpoMethod.With(0.3)),
                    new PlannedTensor(
                        new SafetensorsTensor("empty", Dtype.F32, [0, 4], 24, 24), TensorRule.Merge, [new TensorSource(0, 100, Dtype.F32), new TensorSource(1, 96, Dtype.F32)], ExpoMethod.With(-1e-7)),
                    new PlannedTensor(
                        new SafetensorsTensor("n", Dtype.U8, [], 24, 25), TensorRule.CopyEqual, [new TensorSource(0, 180, Dtype.U8), new TensorSource(1, 280, Dtype.U8)], null),
                    new PlannedTensor(
                        new SafetensorsTensor("q", Dtype.F4, [4], 25, 27), TensorRule.Copy, [new TensorSource(0, 181, Dtype.F4)], null),
                ]),
        ]);

    private static PlannedTensor Tensor(string name, Dtype dtype, long[] shape, long begin, long end, TensorRule action) =>
        new(new SafetensorsTensor(name, dtype, [.. shape], begin, end), action, [new TensorSource(0, 0, dtype)], null);

    private static string Describe(PlannedTensor tensor) =>
        $"{tensor.Entry.Name} {tensor.Entry.Dtype} [{string.Join(',', tensor.Entry.Shape)}] {tensor.Entry.Begin}-{tensor.Entry.End} {tensor.Rule} {ExpoMethod.AlphaOf(tensor.Parameters)} {string.Join(' ', tensor.Sources)}";

    private Plan PlanOf(Func<Recipe, Recipe>? change = null)
    {
        var recipe = new Recipe { Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.3 };
        return Planner.Plan(change is null ? recipe : change(recipe)).Plan;
    }

    private void WriteZeros(string directory, (string Name, Dtype Dtype, ImmutableArray<long> Shape)[] tensors)
    {
        Directory.CreateDirectory(place.PathOf(directory));
        ImmutableArray<SafetensorsTensor> entries = SafetensorsLayout.Arrange(tensors);
        using FileStream stream = File.Create(place.PathOf(directory, "model.safetensors"));
        stream.Write(SafetensorsHeader.Encode(entries, ImmutableSortedDictionary<string, string>.Empty.Add("format", "pt")));
        stream.SetLength(stream.Length + entries[^1].End);
    }
}
