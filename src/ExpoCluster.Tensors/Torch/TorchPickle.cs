using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace ExpoCluster.Tensors.Torch;

/// <summary>Writes <c>data.pkl</c> for a flat dict of tensors, byte for byte as torch.save does (protocol 2).</summary>
internal sealed class TorchPickle(IReadOnlyList<TorchStorage> storages)
{
    // Python's pickler sets as many items at once.
    private const int BatchLength = 1000;

    private readonly ArrayBufferWriter<byte> pickle = new();
    private readonly Dictionary<string, int> texts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> globals = new(StringComparer.Ordinal);
    private int memoCount;

    public byte[] Write(IReadOnlyList<TorchTensor> tensors)
    {
        Put(PickleOpcode.Proto, 2);
        Put(PickleOpcode.EmptyDict);
        Remember();
        if (tensors.Count == 1)
        {
            WriteItem(tensors[0]);
            Put(PickleOpcode.SetItem);
        }
        else if (tensors.Count > 1)
        {
            WriteBatches(tensors);
        }

        Put(PickleOpcode.Stop);
        return pickle.WrittenSpan.ToArray();
    }

    // The last batch is shorter than the others, and so empty where the number of items is a multiple.
    private void WriteBatches(IReadOnlyList<TorchTensor> tensors)
    {
        for (int begin = 0; begin <= tensors.Count; begin += BatchLength)
        {
            Put(PickleOpcode.Mark);
            foreach (TorchTensor tensor in tensors.Skip(begin).Take(BatchLength))
            {
                WriteItem(tensor);
            }

            Put(PickleOpcode.SetItems);
        }
    }

    private void WriteItem(TorchTensor tensor)
    {
        WriteText(tensor.Name);
        WriteGlobal(PickleGlobal.RebuildTensor.Name);
        Put(PickleOpcode.Mark);
        WriteStorage(tensor.Storage);
        WriteNumber(tensor.First);
        WriteTuple(tensor.Shape);
        WriteTuple(tensor.Strides.IsDefault ? StridesOf(tensor.Shape) : tensor.Strides);
        Put(PickleOpcode.NewFalse);
        WriteGlobal(PickleGlobal.OrderedDict.Name);
        Put(PickleOpcode.EmptyTuple);
        PutAndRemember(PickleOpcode.Reduce);
        PutAndRemember(PickleOpcode.Tuple);
        PutAndRemember(PickleOpcode.Reduce);
    }

    private void WriteStorage(int position)
    {
        TorchStorage storage = storages[position];
        Put(PickleOpcode.Mark);
        WriteText("storage");
        WriteGlobal(PickleGlobal.StorageNameOf(storage.Dtype)
            ?? throw new ArgumentException($"PyTorch has no storage class for {storage.Dtype}."));
        WriteText(position.ToString(CultureInfo.InvariantCulture));
        WriteText("cpu");
        WriteNumber(storage.ElementCount);
        PutAndRemember(PickleOpcode.Tuple);
        Put(PickleOpcode.BinPersId);
    }

    private static ImmutableArray<long> StridesOf(ImmutableArray<long> shape)
    {
        long[] strides = new long[shape.Length];
        long stride = 1;
        for (int axis = shape.Length - 1; axis >= 0; axis--)
        {
            strides[axis] = stride;
            stride *= Math.Max(1, shape[axis]);
        }

        return [.. strides];
    }

    private void WriteTuple(ImmutableArray<long> numbers)
    {
        if (numbers.IsEmpty)
        {
            Put(PickleOpcode.EmptyTuple);
            return;
        }

        if (numbers.Length > 3)
        {
            Put(PickleOpcode.Mark);
        }

        foreach (long number in numbers)
        {
            WriteNumber(number);
        }

        PutAndRemember(numbers.Length switch
        {
            1 => PickleOpcode.Tuple1,
            2 => PickleOpcode.Tuple2,
            3 => PickleOpcode.Tuple3,
            _ => PickleOpcode.Tuple,
        });
    }

    private void WriteNumber(long number)
    {
        switch (number)
        {
            case >= 0 and <= byte.MaxValue:
                Put(PickleOpcode.BinInt1, (byte)number);
                break;
            case >= 0 and <= ushort.MaxValue:
                Put(PickleOpcode.BinInt2);
                BinaryPrimitives.WriteUInt16LittleEndian(Room(2), (ushort)number);
                break;
            case >= int.MinValue and <= int.MaxValue:
                Put(PickleOpcode.BinInt);
                BinaryPrimitives.WriteInt32LittleEndian(Room(4), (int)number);
                break;
            default:
                byte[] bytes = new BigInteger(number).ToByteArray();
                Put(PickleOpcode.Long1, (byte)bytes.Length);
                bytes.CopyTo(Room(bytes.Length));
                break;
        }
    }

    private void WriteText(string text)
    {
        if (Recall(texts, text))
        {
            return;
        }

        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Put(PickleOpcode.BinUnicode);
        BinaryPrimitives.WriteInt32LittleEndian(Room(4), bytes.Length);
        bytes.CopyTo(Room(bytes.Length));
        texts.Add(text, memoCount);
        Remember();
    }

    private void WriteGlobal(string name)
    {
        if (Recall(globals, name))
        {
            return;
        }

        int dot = name.LastIndexOf('.');
        Put(PickleOpcode.Global);
        byte[] lines = Encoding.UTF8.GetBytes($"{name[..dot]}\n{name[(dot + 1)..]}\n");
        lines.CopyTo(Room(lines.Length));
        globals.Add(name, memoCount);
        Remember();
    }

    private bool Recall(Dictionary<string, int> known, string name)
    {
        bool isKnown = known.TryGetValue(name, out int index);
        if (isKnown)
        {
            PutIndex(PickleOpcode.BinGet, PickleOpcode.LongBinGet, index);
        }

        return isKnown;
    }

    private void PutAndRemember(PickleOpcode opcode)
    {
        Put(opcode);
        Remember();
    }

    private void Remember() => PutIndex(PickleOpcode.BinPut, PickleOpcode.LongBinPut, memoCount++);

    private void PutIndex(PickleOpcode small, PickleOpcode large, int index)
    {
        if (index <= byte.MaxValue)
        {
            Put(small, (byte)index);
        }
        else
        {
            Put(large);
            BinaryPrimitives.WriteInt32LittleEndian(Room(4), index);
        }
    }

    private void Put(PickleOpcode opcode, byte argument)
    {
        Put(opcode);
        Room(1)[0] = argument;
    }

    private void Put(PickleOpcode opcode) => Room(1)[0] = (byte)opcode;

    private Span<byte> Room(int byteCount)
    {
        Span<byte> room = pickle.GetSpan(byteCount)[..byteCount];
        pickle.Advance(byteCount);
        return room;
    }
}
