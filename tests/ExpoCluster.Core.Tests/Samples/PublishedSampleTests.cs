using System.Text.Json;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Samples;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Samples;

public sealed class PublishedSampleTests : IDisposable
{
    private const double Scale = 0.01;

    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Fact]
    public void Both_sides_have_the_files_of_the_published_pair()
    {
        Write("snorkel-mistral-pairrm");

        Assert.Equal(
            [
                "config.json", "generation_config.json",
                "model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors", "model.safetensors.index.json",
                "pytorch_model-00001-of-00003.bin", "pytorch_model-00002-of-00003.bin", "pytorch_model-00003-of-00003.bin", "pytorch_model.bin.index.json",
                "special_tokens_map.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json",
            ],
            FilesOf("base"));
        Assert.Equal(
            [
                "config.json", "generation_config.json",
                "pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin", "pytorch_model.bin.index.json",
                "special_tokens_map.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "training_args.bin",
            ],
            FilesOf("aligned"));
    }

    [Fact]
    public void The_last_file_of_Mistral_has_a_storage_three_times_its_tensor()
    {
        Write("snorkel-mistral-pairrm");
        string last = place.PathOf("s", "base", "pytorch_model-00003-of-00003.bin");

        Checkpoint checkpoint = Checkpoint.Open(last);

        CheckpointTensor head = checkpoint.Tensors["lm_head.weight"];
        Assert.InRange(checkpoint.Shards[0].ByteLength - (head.Offset + head.ByteCount), 2 * head.ByteCount, (2 * head.ByteCount) + 20_000);
    }

    [Fact]
    public void At_true_size_that_file_has_5_06_gigabytes()
    {
        PublishedSample.WriteOutline(place.PathOf("outline"), PublishedPair.Find("snorkel-mistral-pairrm")!.Base);

        Assert.InRange(new FileInfo(place.PathOf("outline", "pytorch_model-00003-of-00003.bin")).Length, 5_064_800_000, 5_064_850_000);
        Assert.InRange(new FileInfo(place.PathOf("outline", "model-00003-of-00003.safetensors")).Length, 4_540_500_000, 4_540_550_000);
    }

    [Fact]
    public void Both_formats_of_one_side_hold_the_same_values()
    {
        Write("zephyr-7b-alpha");
        Checkpoint both = Checkpoint.Open(place.PathOf("s", "aligned"));
        foreach (string file in FilesOf("aligned").Where(name => name.EndsWith(".safetensors.index.json", StringComparison.Ordinal) || name.EndsWith(".safetensors", StringComparison.Ordinal)))
        {
            File.Move(place.PathOf("s", "aligned", file), place.PathOf("s", file));
        }

        Checkpoint torch = Checkpoint.Open(place.PathOf("s", "aligned"));

        Assert.Equal("torch", torch.Shards[0].Header.Format);
        Assert.Equal(291, torch.Tensors.Count);
        foreach (CheckpointTensor tensor in both.Tensors.Values)
        {
            byte[] bytes = Bytes(place.PathOf("s", both.Shards[tensor.Shard].Name), tensor);
            Assert.Equal(bytes, Bytes(torch.Shards[torch.Tensors[tensor.Name].Shard].Path, torch.Tensors[tensor.Name]));
        }
    }

    [Theory]
    [InlineData("tulu-2-dpo-13b", 40)]
    [InlineData("tulu-2-dpo-70b", 80)]
    public void Bases_of_older_versions_have_rotary_buffers(string name, int layers)
    {
        Write(name);

        CheckpointTensor[] buffers = [.. Checkpoint.Open(place.PathOf("s", "base")).Tensors.Values.Where(tensor => tensor.Name.EndsWith("rotary_emb.inv_freq", StringComparison.Ordinal))];
        Assert.Equal(layers, buffers.Length);
        Assert.All(buffers, buffer => Assert.Equal(Dtype.F32, buffer.Dtype));
        Assert.DoesNotContain(Checkpoint.Open(place.PathOf("s", "aligned")).Tensors.Keys, tensor => tensor.EndsWith("inv_freq", StringComparison.Ordinal));
    }

    [Fact]
    public void The_trainers_arguments_are_a_pickle_that_no_one_should_open()
    {
        Write("snorkel-mistral-pairrm");

        TensorFileException refusal = Assert.Throws<TensorFileException>(() => Checkpoint.Open(place.PathOf("s", "aligned", "training_args.bin")));

        Assert.Equal(("EXPO1057", "transformers.training_args.TrainingArguments"), (refusal.Code, refusal.Found));
    }

    [Theory]
    [InlineData("internlm2-chat-1.8b", "internlm2", "InternLM2ForCausalLM", 16, 8)]
    [InlineData("snorkel-mistral-pairrm", "mistral", "MistralForCausalLM", 32, 8)]
    [InlineData("tulu-2-dpo-7b", "llama", "LlamaForCausalLM", 32, 32)]
    public void The_configuration_is_that_of_the_family(string name, string type, string architecture, int heads, int keyValueHeads)
    {
        Write(name);

        using JsonDocument config = JsonDocument.Parse(File.ReadAllBytes(place.PathOf("s", "aligned", "config.json")));
        JsonElement root = config.RootElement;
        Assert.Equal(type, root.GetProperty("model_type").GetString());
        Assert.Equal(architecture, root.GetProperty("architectures")[0].GetString());
        Assert.Equal((heads, keyValueHeads), (root.GetProperty("num_attention_heads").GetInt32(), root.GetProperty("num_key_value_heads").GetInt32()));
        Checkpoint checkpoint = Checkpoint.Open(place.PathOf("s", "aligned"));
        CheckpointTensor norm = checkpoint.Tensors["model.norm.weight"];
        Assert.Equal(norm.Shape[0], root.GetProperty("hidden_size").GetInt64());
    }

    [Fact]
    public void The_same_seed_gives_the_same_files()
    {
        Write("snorkel-mistral-pairrm");
        PublishedSample.WritePair(place.PathOf("again"), PublishedPair.Find("snorkel-mistral-pairrm")!, Scale, seed: 1);

        foreach (string path in Directory.EnumerateFiles(place.PathOf("s"), "*", SearchOption.AllDirectories))
        {
            Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(path.Replace(place.PathOf("s"), place.PathOf("again"), StringComparison.Ordinal)));
        }
    }

    [Fact]
    public void Checksums_of_storages_are_right()
    {
        // Of several ranges each at this size, so that ranges are put together too.
        PublishedSample.WritePair(place.PathOf("s"), PublishedPair.Find("tulu-2-dpo-7b")!, scale: 0.25, seed: 1);

        using var archive = System.IO.Compression.ZipFile.OpenRead(place.PathOf("s", "base", "pytorch_model-00002-of-00002.bin"));
        byte[] buffer = new byte[1 << 20];
        foreach (System.IO.Compression.ZipArchiveEntry entry in archive.Entries)
        {
            var crc = new System.IO.Hashing.Crc32();
            using Stream content = entry.Open();
            for (int count; (count = content.Read(buffer)) > 0;)
            {
                crc.Append(buffer.AsSpan(0, count));
            }

            Assert.Equal(entry.Crc32, crc.GetCurrentHashAsUInt32());
        }

        Assert.Contains(archive.Entries, entry => entry.Length > 8 << 20);
    }

    [Fact]
    public void A_cache_is_laid_out_as_the_Hub_does()
    {
        Write("snorkel-mistral-pairrm");

        string snapshot = SampleHubCache.LayOut(place.PathOf("hub"), "mistralai/Mistral-7B-Instruct-v0.2", place.PathOf("s", "base"));

        string root = place.PathOf("hub", "models--mistralai--Mistral-7B-Instruct-v0.2");
        string commit = File.ReadAllText(Path.Join(root, "refs", "main"));
        Assert.Matches("^[0-9a-f]{40}$", commit);
        Assert.Equal(Path.Join(root, "snapshots", commit), snapshot);
        Assert.Matches("^../../blobs/[0-9a-f]{64}$", new FileInfo(Path.Join(snapshot, "model-00001-of-00003.safetensors")).LinkTarget);
        Assert.Matches("^../../blobs/[0-9a-f]{40}$", new FileInfo(Path.Join(snapshot, "config.json")).LinkTarget);
        Assert.Equal(3, Checkpoint.Open(snapshot).Shards.Length);
        Assert.False(Directory.Exists(place.PathOf("s", "base")));
    }

    [Fact]
    public void A_cache_of_outlines_is_laid_out_without_reading_them()
    {
        PublishedModel model = PublishedPair.Find("tulu-2-dpo-70b")!.Base;
        PublishedSample.WriteOutline(place.PathOf("outline"), model);

        string snapshot = SampleHubCache.LayOut(place.PathOf("hub"), model.Repository, place.PathOf("outline"), isOutline: true);

        Assert.Equal(723 + 80, Checkpoint.Open(snapshot).Tensors.Count);
    }

    private void Write(string name) => PublishedSample.WritePair(place.PathOf("s"), PublishedPair.Find(name)!, Scale, seed: 1);

    private string[] FilesOf(string side) => [.. Directory.EnumerateFiles(place.PathOf("s", side)).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    private static byte[] Bytes(string path, CheckpointTensor tensor) => File.ReadAllBytes(path).AsSpan((int)tensor.Offset, (int)tensor.ByteCount).ToArray();
}
