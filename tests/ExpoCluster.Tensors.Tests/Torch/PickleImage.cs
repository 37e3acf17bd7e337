using System.Buffers.Binary;
using System.Text;

namespace ExpoCluster.Tensors.Tests.Torch;

/// <summary>Puts pickles together by hand, dangerous ones included.</summary>
internal static class PickleImage
{
    public static byte[] Proto { get; } = [0x80, 2];

    public static byte[] Stop { get; } = "."u8.ToArray();

    /// <summary>A pickle of these pieces, with its first and last instruction.</summary>
    public static byte[] Of(params byte[][] pieces) => [.. Proto, .. pieces.SelectMany(piece => piece), .. Stop];

    public static byte[] Ascii(string code) => Encoding.ASCII.GetBytes(code);

    public static byte[] Text(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        byte[] code = new byte[5 + bytes.Length];
        code[0] = (byte)'X';
        BinaryPrimitives.WriteInt32LittleEndian(code.AsSpan(1), bytes.Length);
        bytes.CopyTo(code, 5);
        return code;
    }

    /// <summary>A tensor of three floats in storage 0, with the parts that a test wants otherwise.</summary>
    public static byte[] Tensor(
        string key = "0",
        string storageClass = "FloatStorage",
        int elements = 3,
        byte first = 0,
        byte[]? shape = null,
        byte[]? strides = null) =>
    [
        .. Ascii("ctorch._utils\n_rebuild_tensor_v2\n(("), .. Text("storage"), .. Ascii($"ctorch\n{storageClass}\n"), .. Text(key), .. Text("cpu"),
        (byte)'J', .. BitConverter.GetBytes(elements), .. "tQK"u8, first,
        .. Numbers(shape ?? [3]), .. Numbers(strides ?? [1]),
        .. "\x89"u8[^1..], .. Ascii("ccollections\nOrderedDict\n)RtR"),
    ];

    /// <summary>A state dict with these items.</summary>
    public static byte[] Dict(params (byte[] Key, byte[] Value)[] items) =>
        [.. "}("u8, .. items.SelectMany(item => item.Key.Concat(item.Value)), (byte)'u'];

    private static byte[] Numbers(byte[] numbers) => [(byte)'(', .. numbers.SelectMany(number => new byte[] { (byte)'K', number }), (byte)'t'];
}
