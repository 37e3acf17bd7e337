using System.Text.Json;

namespace ExpoCluster.EndToEnd;

public sealed class VerifyTests
{
    [Fact]
    public void One_changed_byte_is_found_and_named_by_file_offset_and_tensor()
    {
        using var place = new Workplace("20MB");
        Assert.Equal(0, ExpoProcess.Run(place.Merge()).ExitCode);
        string file = Path.Join(place.Output, "model.safetensors");
        Flip(file, offset: 9_000_000);

        RunResult verify = ExpoProcess.Run("verify", place.Output, "--json");

        Assert.Equal(1, verify.ExitCode);
        JsonElement damage = Assert.Single(verify.Json.GetProperty("damage").EnumerateArray());
        Assert.Equal("model.safetensors", damage.GetProperty("file").GetString());
        Assert.Equal((8_388_608, 12_582_912), (damage.GetProperty("offset").GetInt64(), damage.GetProperty("endOffset").GetInt64()));
        Assert.Contains(TensorAt(place.Output, 9_000_000), damage.GetProperty("tensors").EnumerateArray().Select(name => name.GetString()));
        Assert.Contains("model.safetensors, bytes 8388608 to 12582911", verify.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sound_output_is_accepted_with_its_sha256()
    {
        using var place = new Workplace("4MB");
        Assert.Equal(0, ExpoProcess.Run(place.Merge()).ExitCode);

        RunResult verify = ExpoProcess.Run("verify", place.Output, "--sha256", "--json");

        Assert.Equal(0, verify.ExitCode);
        Assert.Equal(
            Workplace.Digests(place.Output)["model.safetensors"],
            verify.Json.GetProperty("files")[0].GetProperty("sha256").GetString(),
            ignoreCase: true);
    }

    [Fact]
    public void A_directory_without_provenance_is_an_input_error()
    {
        using var place = new Workplace("4MB");

        RunResult verify = ExpoProcess.Run("verify", place.Base);

        Assert.Equal(3, verify.ExitCode);
        Assert.Contains("EXPO1301", verify.Errors, StringComparison.Ordinal);
    }

    private static void Flip(string path, long offset)
    {
        using var stream = new FileStream(path, FileMode.Open);
        stream.Position = offset;
        int value = stream.ReadByte();
        stream.Position = offset;
        stream.WriteByte((byte)(value ^ 1));
    }

    private static string TensorAt(string output, long offset)
    {
        JsonElement inspect = ExpoProcess.Run("inspect", output, "--json").Json;
        using FileStream stream = File.OpenRead(Path.Join(output, "model.safetensors"));
        Span<byte> length = stackalloc byte[8];
        stream.ReadExactly(length);
        long dataOffset = offset - 8 - BitConverter.ToInt64(length);
        return inspect.GetProperty("tensors").EnumerateArray()
            .Single(tensor => tensor.GetProperty("data_offsets")[0].GetInt64() <= dataOffset && dataOffset < tensor.GetProperty("data_offsets")[1].GetInt64())
            .GetProperty("name").GetString()!;
    }
}
