using System.IO.Compression;
using System.Text.Json;

namespace ExpoCluster.EndToEnd;

public sealed class TorchTests
{
    private static readonly string Mnist = Path.Join(AppContext.BaseDirectory, "Fixtures", "mnist");

    [Fact]
    public void A_PyTorch_base_and_a_safetensors_aligned_merge_as_they_are()
    {
        using var place = new Workplace();

        RunResult merge = ExpoProcess.Run(
            "merge", "--base", Path.Join(Mnist, "mnist.pt"), "--aligned", Path.Join(Mnist, "mnist-b", "model.safetensors"),
            "--alpha", "0.3", "--out", place.Output, "--on-mismatch", "copy-aligned");

        Assert.True(merge.ExitCode == 0, merge.ToString());
        Assert.Equal(
            File.ReadAllBytes(Path.Join(Mnist, "expo-0.3", "model.safetensors")),
            File.ReadAllBytes(Path.Join(place.Output, "model.safetensors")));
    }

    [Theory]
    [InlineData("snorkel-mistral-pairrm", 2)]
    [InlineData("tulu-2-dpo-13b", 3)]
    public void A_small_likeness_of_a_published_pair_merges_into_a_loadable_model(string name, int files)
    {
        using var place = new Workplace();
        RunResult sample = ExpoProcess.Run("sample", place.Root, "--like", name, "--scale", "0.01");
        Assert.True(sample.ExitCode == 0, sample.ToString());

        RunResult merge = ExpoProcess.Run(place.Merge());

        Assert.True(merge.ExitCode == 0, merge.ToString());
        Assert.Equal(0, ExpoProcess.Run("verify", place.Output).ExitCode);
        Assert.Equal(files, Directory.GetFiles(place.Output, "model-*.safetensors").Length);
        Assert.Empty(Directory.GetFiles(place.Output, "*.bin*"));
        using JsonDocument index = JsonDocument.Parse(File.ReadAllBytes(Path.Join(place.Output, "model.safetensors.index.json")));
        Assert.All(
            index.RootElement.GetProperty("weight_map").EnumerateObject(),
            entry => Assert.True(File.Exists(Path.Join(place.Output, entry.Value.GetString()))));
        Assert.DoesNotContain("inv_freq", File.ReadAllText(Path.Join(place.Output, "model.safetensors.index.json")), StringComparison.Ordinal);
    }

    [Fact]
    public void Inspect_says_that_it_is_a_PyTorch_file()
    {
        RunResult inspect = ExpoProcess.Run("inspect", Path.Join(Mnist, "mnist.pt"), "--json");

        Assert.Equal(0, inspect.ExitCode);
        using JsonDocument shown = JsonDocument.Parse(inspect.Output);
        Assert.Equal("torch", shown.RootElement.GetProperty("format").GetString());
        Assert.Equal(20, shown.RootElement.GetProperty("tensors").GetArrayLength());
    }

    [Fact]
    public void A_pickle_that_would_run_a_program_is_an_invalid_input()
    {
        using var place = new Workplace();
        string file = place.PathOf("pytorch_model.bin");
        using (ZipArchive archive = ZipFile.Open(file, ZipArchiveMode.Create))
        {
            using Stream pickle = archive.CreateEntry("archive/data.pkl", CompressionLevel.NoCompression).Open();
            pickle.Write([0x80, 2, .. "cos\nsystem\n(X\u0004\0\0\0truetR."u8]);
        }

        RunResult inspect = ExpoProcess.Run("inspect", file);

        Assert.Equal(3, inspect.ExitCode);
        Assert.Matches("error EXPO1057: .*os.system", inspect.Errors);
    }
}
