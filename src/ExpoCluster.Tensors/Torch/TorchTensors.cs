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
        long byteCount = TensorSize.InBytes(tensor.Source.Dtype, tensor.Shape, name, file);
        RequireContiguous(name, tensor, byteCount);
        int width = tensor.Source.Dtype.Bits() / 8;
        long storage = LocateStorage(name, tensor.Source, width);
        long end = byteCount / width;
        if (tensor.First > tensor.Source.ElementCount || end > tensor.Source.ElementCount - tensor.First)
        {
            throw TorchRules.TensorWithinStorage.Broken(
                file,
                name,
                storage,
                expected: $"an end within {tensor.Source.ElementCount} elements",
                found: $"{end} elements from {tensor.First} on");
        }

        return new WeightsTensor(name, tensor.Source.Dtype, tensor.Shape, storage + (tensor.First * width), byteCount);
    }

    private long LocateStorage(string name, PickleValue.Storage storage, int width)
    {
        (long offset, long byteCount) = archive.FindStorage(storage.Key)
            ?? throw TorchRules.StorageIsThere.Broken(file, name, expected: $"data/{storage.Key}", found: "no such entry");
        return (Int128)storage.ElementCount * width == byteCount
            ? offset
            : throw TorchRules.StorageHasItsSize.Broken(
                file, name, offset, $"{storage.ElementCount} elements of {width} bytes", $"{byteCount} bytes in data/{storage.Key}");
    }

    // The stride of a dimension with one element never counts, and no stride does where there are no elements.
    private void RequireContiguous(string name, PickleValue.Tensor tensor, long byteCount)
    {
        long expected = 1;
        for (int axis = tensor.Shape.Length - 1; axis >= 0 && byteCount > 0; axis--)
        {
            if (tensor.Shape[axis] != 1 && tensor.Strides[axis] != expected)
            {
                throw TorchRules.TensorIsContiguous.Broken(
                    file,
                    name,
                    expected: $"stride {expected} in dimension {axis}",
                    found: $"strides [{string.Join(',', tensor.Strides)}]");
            }

            expected *= tensor.Shape[axis];
        }
    }
}
