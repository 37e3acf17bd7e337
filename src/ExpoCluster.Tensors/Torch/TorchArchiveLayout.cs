using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace ExpoCluster.Tensors.Torch;

/// <summary>
/// A PyTorch archive that is to be written, byte for byte as torch.save lays it out. The content of storages is written by the
/// caller, in any order, to the places given here; all other bytes are the <see cref="Frame"/>.
/// </summary>
public sealed class TorchArchiveLayout
{
    private readonly ZipWriter zip = new();
    private readonly ImmutableArray<int> storageEntries;

    /// <param name="name">What all entries begin with, for example the name of the file without its ending.</param>
    /// <param name="storages">Each becomes an entry <c>data/POSITION</c>.</param>
    /// <param name="tensors">In the order of the state dict.</param>
    /// <param name="serializationId">Tells two archives apart; PyTorch computes 40 digits.</param>
    public TorchArchiveLayout(
        string name, IReadOnlyList<TorchStorage> storages, IReadOnlyList<TorchTensor> tensors, string serializationId)
    {
        AddText(name + "/data.pkl", new TorchPickle(storages).Write(tensors));
        AddText(name + "/.format_version", "1");
        AddText(name + "/.storage_alignment", ZipFormat.Alignment.ToString(CultureInfo.InvariantCulture));
        AddText(name + "/byteorder", "little");
        storageEntries =
        [
            .. storages.Select((storage, position) =>
                zip.Add(string.Create(CultureInfo.InvariantCulture, $"{name}/data/{position}"), storage.ByteCount)),
        ];
        AddText(name + "/version", "3\n");
        AddText(name + "/.data/serialization_id", serializationId);
    }

    /// <summary>Bytes of the whole file.</summary>
    public long ByteLength => zip.ByteLength;

    /// <summary>Where the content of each storage goes: bytes from the start of the file.</summary>
    public ImmutableArray<long> StorageOffsets => [.. storageEntries.Select(zip.ContentOffset)];

    /// <summary>Every byte that is not a storage's, as pieces in ascending order.</summary>
    /// <param name="storageChecksums">The CRC-32 of each storage's content.</param>
    public IEnumerable<(long Offset, byte[] Bytes)> Frame(IReadOnlyList<uint> storageChecksums)
    {
        for (int position = 0; position < storageEntries.Length; position++)
        {
            zip.SetChecksum(storageEntries[position], storageChecksums[position]);
        }

        return zip.Frame();
    }

    private void AddText(string name, string content) => AddText(name, Encoding.ASCII.GetBytes(content));

    private void AddText(string name, byte[] content) => zip.Add(name, content);
}
