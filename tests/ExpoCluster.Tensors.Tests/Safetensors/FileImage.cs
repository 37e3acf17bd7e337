using System.Buffers.Binary;
using System.Text;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Tensors.Tests.Safetensors;

/// <summary>Builds safetensors files by hand, broken ones included, and parses them.</summary>
internal static class FileImage
{
    public static byte[] Of(string json, int dataBytes = 0) => Of(Encoding.UTF8.GetBytes(json), dataBytes);

    public static byte[] Of(ReadOnlySpan<byte> json, int dataBytes = 0) => Of((ulong)json.Length, json, dataBytes);

    public static byte[] Of(ulong claimedLength, ReadOnlySpan<byte> json, int dataBytes = 0)
    {
        byte[] file = new byte[8 + json.Length + dataBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(file, claimedLength);
        json.CopyTo(file.AsSpan(8));
        return file;
    }

    public static SafetensorsHeader Parse(string json, int dataBytes = 0) => Parse(Of(json, dataBytes));

    public static SafetensorsHeader Parse(byte[] file) => SafetensorsHeader.Parse(file, file.Length, "weights.safetensors");

    public static TensorFileException Refusal(string json, int dataBytes = 0) => Refusal(Of(json, dataBytes));

    public static TensorFileException Refusal(byte[] file)
    {
        TensorFileException refusal = Assert.Throws<TensorFileException>(() => Parse(file));
        Assert.Equal("weights.safetensors", refusal.File);
        Assert.NotEmpty(refusal.Advice);
        return refusal;
    }
}
