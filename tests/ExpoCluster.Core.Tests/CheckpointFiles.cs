using System.Collections.Immutable;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Safetensors;

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

    public static string WriteIndex(this TemporaryDirectory place, string directory, params (string Tensor, string File)[] map) => place.Write(
        directory + "/model.safetensors.index.json",
        $"{{\"metadata\": {{\"total_size\": 1}}, \"weight_map\": {{{string.Join(", ", map.Select(pair => $"\"{pair.Tensor}\": \"{pair.File}\""))}}}}}");
}
