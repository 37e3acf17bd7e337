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
