using System.Diagnostics;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Checkpoints;

public sealed class CheckpointTests : IDisposable
{
    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Fact]
    public void A_directory_with_one_file_is_a_checkpoint()
    {
        place.Write("m/model.safetensors", ("a", Dtype.F32, [2], 1));

        Checkpoint checkpoint = Checkpoint.Open(place.PathOf("m"));

        Assert.Equal(place.PathOf("m"), checkpoint.Directory);
        CheckpointTensor tensor = Assert.Single(checkpoint.Tensors).Value;
        Assert.Equal(("a", Dtype.F32, 8L), (tensor.Name, tensor.Dtype, tensor.ByteCount));
        Assert.Equal(1, File.ReadAllBytes(checkpoint.Shards[0].Path)[tensor.Offset]);
    }

    [Fact]
    public void A_bare_file_is_a_checkpoint_without_side_files()
    {
        string path = place.Write("x.safetensors", ("a", Dtype.F32, [2], 1));

        Checkpoint checkpoint = Checkpoint.Open(path);

        Assert.Null(checkpoint.Directory);
        Assert.Single(checkpoint.Tensors);
    }

    [Fact]
    public void The_only_safetensors_file_of_a_directory_will_do()
    {
        place.Write("m/weights.safetensors", ("a", Dtype.F32, [2], 1));

        Assert.Equal("weights.safetensors", Checkpoint.Open(place.PathOf("m")).Shards[0].Name);
    }

    [Fact]
    public void As_loaders_do_it_prefers_the_single_file_to_an_index_and_says_so()
    {
        place.Write("m/model.safetensors", ("a", Dtype.F32, [2], 1));
        place.WriteIndex("m", ("b", "other.safetensors"));

        Checkpoint checkpoint = Checkpoint.Open(place.PathOf("m"));

        Assert.Equal(["a"], checkpoint.Tensors.Keys);
        Assert.Contains("model.safetensors.index.json", Assert.Single(checkpoint.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void An_index_leads_to_its_files_also_through_links()
    {
        string blob = place.Write("blobs/abc", ("a", Dtype.F32, [2], 1));
        place.Write("m/two.safetensors", ("b", Dtype.BF16, [3], 2));
        File.CreateSymbolicLink(place.PathOf("m", "one.safetensors"), blob);
        place.WriteIndex("m", ("a", "one.safetensors"), ("b", "two.safetensors"));

        Checkpoint checkpoint = Checkpoint.Open(place.PathOf("m"));

        Assert.Equal(["one.safetensors", "two.safetensors"], checkpoint.Shards.Select(shard => shard.Name));
        Assert.Equal(blob, checkpoint.Shards[0].Path);
        Assert.Equal(["a", "b"], checkpoint.Tensors.Keys.Order());
    }

    [Theory]
    [InlineData("devstral-small-2507", 363)]
    [InlineData("dolphin3-mistral", 363)]
    [InlineData("lzlv-70b-fp16", 723)]
    [InlineData("wizardlm-2-8x22b", 1739)]
    public void Index_files_of_real_repositories_are_read(string repository, int tensors)
    {
        string index = Path.Join(AppContext.BaseDirectory, "Fixtures", "hub-metadata", repository, "model.safetensors.index.json");

        WeightMap map = WeightMap.Parse(File.ReadAllBytes(index), index);

        Assert.Equal(tensors, map.FileOfTensor.Count);
    }

    [Theory]
    [InlineData("EXPO1109", "{")]
    [InlineData("EXPO1109", "")]
    [InlineData("EXPO1109", """{"weight_map": {"a": "x.safetensors", "b": "x.safetensors"}} trailing""")]
    [InlineData("EXPO1109", """{"weight_map": {"a": "\ud800"}}""")]
    [InlineData("EXPO1109", "\uFEFF{\"weight_map\": {\"a\": \"x.safetensors\"}}")]
    [InlineData("EXPO1110", "[]")]
    [InlineData("EXPO1112", "{}")]
    [InlineData("EXPO1112", """{"metadata": {"total_size": 1}}""")]
    [InlineData("EXPO1113", """{"weight_map": []}""")]
    [InlineData("EXPO1113", """{"weight_map": null}""")]
    [InlineData("EXPO1113", """{"weight_map": {"a": 1}}""")]
    [InlineData("EXPO1113", """{"weight_map": {"a": null}}""")]
    [InlineData("EXPO1113", """{"weight_map": {"a": ["x.safetensors"]}}""")]
    [InlineData("EXPO1114", """{"weight_map": {}}""")]
    [InlineData("EXPO1115", """{"metadata": 5, "weight_map": {"a": "x.safetensors"}}""")]
    [InlineData("EXPO1111", """{"weight_map": {"a": "x.safetensors", "a": "x.safetensors"}}""")]
    [InlineData("EXPO1111", """{"weight_map": {"a": "x.safetensors"}, "weight_map": {"a": "x.safetensors"}}""")]
    [InlineData("EXPO1116", """{"weight_map": {"a": "/etc/passwd"}}""")]
    [InlineData("EXPO1116", """{"weight_map": {"a": "../x.safetensors"}}""")]
    [InlineData("EXPO1116", """{"weight_map": {"a": "sub/x.safetensors"}}""")]
    [InlineData("EXPO1116", """{"weight_map": {"a": "sub\\x.safetensors"}}""")]
    [InlineData("EXPO1116", """{"weight_map": {"a": ".."}}""")]
    [InlineData("EXPO1116", """{"weight_map": {"a": "."}}""")]
    [InlineData("EXPO1116", """{"weight_map": {"a": "C:x.safetensors"}}""")]
    [InlineData("EXPO1116", """{"weight_map": {"a": ""}}""")]
    [InlineData("EXPO1116", """{"weight_map": {"a": "x\u0000"}}""")]
    [InlineData("EXPO1111", """{"weight_map": {"a": "x.safetensors", "\u0061": "x.safetensors"}}""")]
    [InlineData("EXPO1117", """{"weight_map": {"a": "missing.safetensors"}}""")]
    public void Each_broken_rule_of_an_index_has_its_own_error(string code, string index)
    {
        place.Write("m/x.safetensors", ("a", Dtype.F32, [2], 1), ("b", Dtype.F32, [2], 1));
        place.Write("m/model.safetensors.index.json", index);

        CheckpointException exception = Assert.Throws<CheckpointException>(() => Checkpoint.Open(place.PathOf("m")));

        Assert.Equal(code, exception.Code);
        Assert.Contains(place.PathOf("m"), exception.Message, StringComparison.Ordinal);
        Assert.NotEmpty(exception.Advice);
    }

    [Fact]
    public void Metadata_may_be_anything_that_real_files_have()
    {
        place.Write("m/x.safetensors", ("a", Dtype.F32, [2], 1));
        foreach (string metadata in new[] { "", "\"metadata\": {}, ", "\"metadata\": null, ", "\"metadata\": {\"total_size\": 8, \"x\": 1}, " })
        {
            place.Write("m/model.safetensors.index.json", $"{{{metadata}\"weight_map\": {{\"a\": \"x.safetensors\"}}}}");

            Assert.Single(Checkpoint.Open(place.PathOf("m")).Tensors);
        }
    }

    [Fact]
    public void A_tensor_in_two_files_is_refused()
    {
        place.Write("m/x.safetensors", ("a", Dtype.F32, [2], 1));
        place.Write("m/y.safetensors", ("a", Dtype.F32, [2], 1), ("b", Dtype.F32, [2], 1));
        place.WriteIndex("m", ("a", "x.safetensors"), ("b", "y.safetensors"));

        Assert.Equal("EXPO1120", Assert.Throws<CheckpointException>(() => Checkpoint.Open(place.PathOf("m"))).Code);
    }

    [Theory]
    [InlineData("EXPO1101", "missing")]
    [InlineData("EXPO1103", "empty")]
    [InlineData("EXPO1105", "several")]
    [InlineData("EXPO1105", "half_published")]
    public void What_is_no_checkpoint_is_refused_with_the_reason(string code, string name)
    {
        Directory.CreateDirectory(place.PathOf("empty"));
        place.Write("half_published/model-00001-of-00002.safetensors", ("a", Dtype.F32, [2], 1));
        place.Write("several/a.safetensors", ("a", Dtype.F32, [2], 1));
        place.Write("several/b.safetensors", ("b", Dtype.F32, [2], 1));
        string reference = name.StartsWith("hf:", StringComparison.Ordinal) ? name : place.PathOf(name);

        Assert.Equal(code, Assert.Throws<CheckpointException>(() => Checkpoint.Open(reference)).Code);
    }

    [Theory]
    [InlineData("model.safetensors", "EXPO1107")]
    [InlineData("nowhere", "EXPO1117")]
    public void A_link_without_a_file_at_its_end_is_an_unreadable_input(string target, string code)
    {
        Directory.CreateDirectory(place.PathOf("m"));
        File.CreateSymbolicLink(place.PathOf("m", "model.safetensors"), target);

        Assert.Equal(code, Assert.Throws<CheckpointException>(() => Checkpoint.Open(place.PathOf("m"))).Code);
    }

    [Fact]
    public void Links_of_directories_are_resolved_too()
    {
        string blob = place.Write("blobs/abc", ("a", Dtype.F32, [2], 1));
        Directory.CreateDirectory(place.PathOf("snapshots", "main"));
        File.CreateSymbolicLink(place.PathOf("snapshots", "main", "model.safetensors"), "../../blobs/abc");
        Directory.CreateSymbolicLink(place.PathOf("latest"), "snapshots/main");

        CheckpointShard shard = Assert.Single(Checkpoint.Open(place.PathOf("latest")).Shards);

        Assert.Equal(("model.safetensors", blob), (shard.Name, shard.Path));
    }

    [Theory]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData("nul\0byte")]
    public void A_reference_that_is_no_path_is_not_found(string reference) =>
        Assert.Equal("EXPO1101", Assert.Throws<CheckpointException>(() => Checkpoint.Open(reference)).Code);

    [Theory]
    [InlineData("config.json", "EXPO1106")]
    [InlineData("model.safetensors.index.json", "EXPO1112")]
    public void A_file_of_another_kind_is_refused(string name, string code) =>
        Assert.Equal(code, Assert.Throws<CheckpointException>(() => Checkpoint.Open(place.Write(name, "{}"))).Code);

    [Fact]
    public void Files_that_the_index_does_not_name_are_not_opened()
    {
        place.Write("m/x.safetensors", ("a", Dtype.F32, [2], 1));
        place.Write("m/consolidated.safetensors", "no weights at all");
        place.WriteIndex("m", ("a", "x.safetensors"));

        Assert.Single(Checkpoint.Open(place.PathOf("m")).Shards);
    }

    [Fact]
    public void A_wrong_total_size_is_noted()
    {
        place.Write("m/x.safetensors", ("a", Dtype.F32, [2], 1));
        place.WriteIndex("m", ("a", "x.safetensors"));

        Assert.Contains("total_size of 1 bytes", Assert.Single(Checkpoint.Open(place.PathOf("m")).Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void An_index_beyond_256_MiB_is_not_read()
    {
        string index = place.Write("m/model.safetensors.index.json", "{");
        using (FileStream sparse = File.OpenWrite(index))
        {
            sparse.SetLength((256L << 20) + 1);
        }

        Assert.Equal("EXPO1108", Assert.Throws<CheckpointException>(() => Checkpoint.Open(place.PathOf("m"))).Code);
    }

    [Fact]
    public void A_broken_weights_file_is_named()
    {
        string path = place.Write("m/model.safetensors", "no safetensors");

        TensorFileException exception = Assert.Throws<TensorFileException>(() => Checkpoint.Open(place.PathOf("m")));

        Assert.Equal(path, exception.File);
    }

    [Fact]
    public void Ninety_two_thousand_tensors_in_163_files_are_a_matter_of_seconds()
    {
        (string, Dtype, long[], byte)[] Tensors(int file) => [.. Enumerable.Range(0, 565).Select(number => ($"f{file}.t{number}", Dtype.U8, new long[] { 1 }, (byte)1))];
        for (int file = 0; file < 163; file++)
        {
            place.Write($"m/{file}.safetensors", Tensors(file));
        }

        place.WriteIndex("m", [.. Enumerable.Range(0, 163).SelectMany(file => Tensors(file).Select(tensor => (tensor.Item1, $"{file}.safetensors")))]);
        var watch = Stopwatch.StartNew();

        Assert.Equal(92_095, Checkpoint.Open(place.PathOf("m")).Tensors.Count);

        // A fraction of a second on an idle machine; comparing all tensors with all files would take minutes.
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 15);
    }
}
