using System.Collections.Immutable;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Tensors.Torch;

/// <summary>Finds the bytes of each tensor of a state dict, in the order of the state dict.</summary>
internal sealed class TorchTensors(TorchArchive archive, string file)
{
    private readonly HashSet<string> names = new(StringComparer.Ordinal);

    /// <exception cref="TensorFileException">A tensor has no storage, does not fit into it, or is not contiguous.</exception>
    public ImmutableArray<WeightsTensor> Locate(StateDict stateDict) =>
    [
        .. from entry in stateDict.Map.Entries
           where entry.Value is PickleValue.Tensor
           select Locate(NameOf(entry.Key), (PickleValue.Tensor)entry.Value),
    ];

    private string NameOf(PickleValue key)
    {
        if (key is not PickleValue.Text { Content.Length: > 0 } text)
        {
            throw TorchRules.NamesAreTexts.Broken(file, expected: "a text", found: key is PickleValue.Text ? "an empty text" : key.Kind);
        }

        return names.Add(text.Content) ? text.Content : throw TorchRules.NamesAreUnique.Broken(file, text.Content);
    }

    private WeightsTensor Locate(string name, PickleValue.Tensor tensor)
    {
        Dtype dtype = tensor.Type.Dtype
            ?? throw TorchRules.DtypeIsRead.Broken(file, name, expected: "a dtype that safetensors has", found: tensor.Type.Name);
        long byteCount = TensorSize.InBytes(dtype, tensor.Shape, name, file);
        int width = dtype.Bits() / 8;
        (long storage, long storageBytes) = LocateStorage(name, tensor.Source, width);
        bool isContiguous = StridedView.IsContiguous(tensor.Shape, tensor.Strides);
        Int128 span = isContiguous ? byteCount / width : new StridedView(tensor.Shape, tensor.Strides).Span;
        if ((Int128)tensor.First * width + (span * width) > storageBytes)
        {
            throw TorchRules.TensorWithinStorage.Broken(
                file,
                name,
                storage,
                expected: $"an end within {storageBytes / width} elements",
                found: $"{span} elements from {tensor.First} on");
        }

        return new WeightsTensor(name, dtype, tensor.Shape, storage + (tensor.First * width), byteCount)
        {
            Strides = isContiguous ? default : tensor.Strides,
        };
    }

    private (long Offset, long ByteCount) LocateStorage(string name, PickleValue.Storage storage, int width)
    {
        (long offset, long byteCount) = archive.FindStorage(storage.Key)
            ?? throw TorchRules.StorageIsThere.Broken(file, name, expected: $"data/{storage.Key}", found: "no such entry");
        int unit = storage.Type is null ? 1 : width;
        return (Int128)storage.ElementCount * unit == byteCount
            ? (offset, byteCount)
            : throw TorchRules.StorageHasItsSize.Broken(
                file, name, offset, $"{storage.ElementCount} elements of {unit} bytes", $"{byteCount} bytes in data/{storage.Key}");
    }
}
