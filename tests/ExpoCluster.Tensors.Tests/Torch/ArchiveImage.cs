using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Torch;

namespace ExpoCluster.Tensors.Tests.Torch;

/// <summary>Builds PyTorch archives in memory.</summary>
internal static class ArchiveImage
{
    /// <summary>An archive of tensors, each storage filled with its position's bytes.</summary>
    public static byte[] Of(TorchStorage[] storages, params TorchTensor[] tensors)
    {
        var layout = new TorchArchiveLayout("model", storages, tensors, new string('7', 40));
        byte[] file = new byte[layout.ByteLength];
        uint[] checksums = new uint[storages.Length];
        for (int i = 0; i < storages.Length; i++)
        {
            Span<byte> content = file.AsSpan((int)layout.StorageOffsets[i], (int)storages[i].ByteCount);
            for (int at = 0; at < content.Length; at++)
            {
                content[at] = (byte)((i * 31) + at);
            }

            checksums[i] = Crc32.Of(content);
        }

        return Frame(file, layout.Frame(checksums));
    }

    /// <summary>A small honest one: two tensors that share a storage, and one of its own.</summary>
    public static byte[] Small() => Of(
        [new TorchStorage(Dtype.F32, 10), new TorchStorage(Dtype.BF16, 4)],
        new TorchTensor("a", [2, 3], Storage: 0),
        new TorchTensor("b", [2], Storage: 0, First: 6),
        new TorchTensor("c", [2, 1, 2], Storage: 1));

    /// <summary>An archive with any pickle and any further entries.</summary>
    public static byte[] WithPickle(byte[] pickle, params (string Name, byte[] Content)[] entries)
    {
        var zip = new ZipWriter();
        zip.Add("model/data.pkl", pickle);
        foreach ((string name, byte[] content) in entries)
        {
            zip.Add(name, content);
        }

        return Frame(new byte[zip.ByteLength], zip.Frame());
    }

    private static byte[] Frame(byte[] file, IEnumerable<(long Offset, byte[] Bytes)> frame)
    {
        foreach ((long offset, byte[] bytes) in frame)
        {
            bytes.CopyTo(file, offset);
        }

        return file;
    }
}
