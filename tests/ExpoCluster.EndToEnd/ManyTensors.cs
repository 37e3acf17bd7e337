using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.EndToEnd;

/// <summary>A pair of checkpoints with a great many small tensors, whose merge is easy to say: base i, aligned i + 2, alpha 0.3.</summary>
internal static class ManyTensors
{
    public static void WritePair(string directory, int count, int elements)
    {
        Write(Path.Join(directory, "base"), count, elements, add: 0);
        Write(Path.Join(directory, "aligned"), count, elements, add: 2);
    }

    public static void AssertMerged(string directory, int count, int elements)
    {
        string path = Path.Join(directory, "model.safetensors");
        SafetensorsHeader header = SafetensorsHeader.ReadFrom(path);
        byte[] bytes = File.ReadAllBytes(path);
        Assert.Equal(count, header.Tensors.Length);
        foreach (SafetensorsTensor tensor in header.Tensors)
        {
            int number = int.Parse(tensor.Name.AsSpan(1), CultureInfo.InvariantCulture);
            float expected = (number + 2f) + (0.3f * ((number + 2f) - number));
            ReadOnlySpan<float> values = MemoryMarshal.Cast<byte, float>(bytes.AsSpan((int)(header.DataStart + tensor.Begin), elements * 4));
            Assert.True(values.IndexOfAnyExcept(expected) < 0, tensor.Name);
        }
    }

    /// <summary>One checkpoint, whose tensor number i is full of i + <paramref name="add"/>.</summary>
    public static void Write(string directory, int count, int elements, float add)
    {
        Directory.CreateDirectory(directory);
        ImmutableArray<SafetensorsTensor> tensors = SafetensorsLayout.Arrange(
            Enumerable.Range(0, count).Select(number => (Name(number), Dtype.F32, ImmutableArray.Create<long>(elements))));
        using FileStream stream = File.Create(Path.Join(directory, "model.safetensors"));
        stream.Write(SafetensorsHeader.Encode(tensors, ImmutableSortedDictionary<string, string>.Empty.Add("format", "pt")));
        float[] values = new float[elements];
        foreach (SafetensorsTensor tensor in tensors)
        {
            Array.Fill(values, int.Parse(tensor.Name.AsSpan(1), CultureInfo.InvariantCulture) + add);
            stream.Write(MemoryMarshal.AsBytes(values.AsSpan()));
        }
    }

    private static string Name(int number) => string.Create(CultureInfo.InvariantCulture, $"t{number}");
}
