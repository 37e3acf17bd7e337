using System.Collections.Immutable;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Safetensors;
using ExpoCluster.Tensors.Torch;

namespace ExpoCluster.Core.Tests;

/// <summary>Writes tiny weights files whose bytes are a given value.</summary>
internal static class CheckpointFiles
{
    public static string Write(this TemporaryDirectory place, string file, params (string Name, Dtype Dtype, long[] Shape, byte Fill)[] tensors)
    {
        string path = place.PathOf(file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        ImmutableArray<SafetensorsTensor> entries = SafetensorsLayout.Arrange(
            tensors.Select(tensor => (tensor.Name, tensor.Dtype, tensor.Shape.ToImmutableArray())));
        using FileStream stream = File.Create(path);
        stream.Write(SafetensorsHeader.Encode(entries, ImmutableSortedDictionary<string, string>.Empty.Add("format", "pt")));
        foreach (SafetensorsTensor entry in entries)
        {
            byte[] data = new byte[entry.ByteCount];
            Array.Fill(data, tensors.Single(tensor => tensor.Name == entry.Name).Fill);
            stream.Write(data);
        }

        return path;
    }

    /// <summary>A PyTorch archive with a storage for each tensor, in the order given.</summary>
    public static string WriteTorch(this TemporaryDirectory place, string file, params (string Name, Dtype Dtype, long[] Shape, byte Fill)[] tensors)
    {
        string path = place.PathOf(file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        TorchStorage[] storages = [.. tensors.Select(tensor => new TorchStorage(tensor.Dtype, tensor.Shape.Aggregate(1L, (count, extent) => count * extent)))];
        var layout = new TorchArchiveLayout(
            "archive", storages, [.. tensors.Select((tensor, i) => new TorchTensor(tensor.Name, [.. tensor.Shape], i))], "0");
        byte[] content = new byte[layout.ByteLength];
        foreach ((long offset, byte[] bytes) in layout.Frame(new uint[storages.Length]))
        {
            bytes.CopyTo(content, offset);
        }

        for (int i = 0; i < tensors.Length; i++)
        {
            content.AsSpan((int)layout.StorageOffsets[i], (int)storages[i].ByteCount).Fill(tensors[i].Fill);
        }

        File.WriteAllBytes(path, content);
        return path;
    }

    public static string WriteTorchIndex(this TemporaryDirectory place, string directory, params (string Tensor, string File)[] map) => place.Write(
        directory + "/pytorch_model.bin.index.json",
        $"{{\"metadata\": {{}}, \"weight_map\": {{{string.Join(", ", map.Select(pair => $"\"{pair.Tensor}\": \"{pair.File}\""))}}}}}");

    public static string WriteIndex(this TemporaryDirectory place, string directory, params (string Tensor, string File)[] map) => place.Write(
        directory + "/model.safetensors.index.json",
        $"{{\"metadata\": {{\"total_size\": 1}}, \"weight_map\": {{{string.Join(", ", map.Select(pair => $"\"{pair.Tensor}\": \"{pair.File}\""))}}}}}");
}
