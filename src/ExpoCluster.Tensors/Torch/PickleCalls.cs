using System.Collections.Immutable;

namespace ExpoCluster.Tensors.Torch;

/// <summary>What the allowed functions and classes would return, as a description.</summary>
internal static class PickleCalls
{
    /// <summary>PyTorch allows no more dimensions either.</summary>
    private const int MaxRank = 64;

    public static PickleValue Result(PickleGlobal callee, PickleValue.Tuple arguments, PickleCursor cursor) =>
        callee == PickleGlobal.OrderedDict ? OrderedDict(arguments, cursor)
        : callee == PickleGlobal.RebuildTensor || callee == PickleGlobal.RebuildTensorV1 || callee == PickleGlobal.RebuildTensorV3 ? Tensor(callee, arguments, cursor)
        : callee == PickleGlobal.RebuildParameter || callee == PickleGlobal.RebuildParameterWithState ? Parameter(arguments, cursor)
        : callee == PickleGlobal.Size ? arguments.Items is [PickleValue.Tuple size] ? size : throw Malformed(cursor, "a size: a tuple of numbers")
        : callee == PickleGlobal.Device ? PickleValue.Plain.None
        : throw cursor.Broken(TorchRules.OpcodeIsAllowed, null, $"REDUCE of {callee.Name}");

    /// <param name="id">('storage', class, key, device, number of elements); the device does not matter.</param>
    /// <param name="cursor">For errors.</param>
    public static PickleValue.Storage Storage(PickleValue id, PickleCursor cursor) =>
        id is PickleValue.Tuple tuple
        && tuple.Items is
        [
            PickleValue.Text { Content: "storage" },
            PickleValue.Named { Global: var storageClass },
            PickleValue.Text key,
            PickleValue.Text,
            PickleValue.Whole { Number: >= 0 } elementCount,
        ]
        && (storageClass.Storage is not null || storageClass == PickleGlobal.UntypedStorage)
            ? new PickleValue.Storage(storageClass.Storage, key.Content, elementCount.Number)
            : throw Malformed(cursor, "a storage: class, key, device and number of elements");

    private static PickleValue.Map OrderedDict(PickleValue.Tuple arguments, PickleCursor cursor) => arguments.Items.IsEmpty
        ? new PickleValue.Map(isOrdered: true)
        : throw Malformed(cursor, "an OrderedDict that begins empty");

    // Behind storage, offset, size and stride come requires_grad, hooks and, in newer versions, metadata: of no use here.
    // Since the dtypes outgrew the storage classes, a third form has the dtype behind the hooks.
    private static PickleValue.Tensor Tensor(PickleGlobal callee, PickleValue.Tuple arguments, PickleCursor cursor)
    {
        int behindStrides = arguments.Items.Length - 4;
        bool isV3 = callee == PickleGlobal.RebuildTensorV3;
        bool fits = callee == PickleGlobal.RebuildTensorV1 ? behindStrides == 0 : isV3 ? behindStrides is 3 or 4 : behindStrides is 2 or 3;
        if (arguments.Items is
            [
                PickleValue.Storage storage,
                PickleValue.Whole { Number: >= 0 } first,
                PickleValue.Tuple shape,
                PickleValue.Tuple strides,
                ..
            ]
            && fits
            && (isV3 ? (arguments.Items[6] as PickleValue.Named)?.Global.Dtype : storage.Type) is { } type
            && shape.Items.Length == strides.Items.Length
            && shape.Items.Length <= MaxRank)
        {
            return new PickleValue.Tensor(storage, type, first.Number, Numbers(shape, cursor), Numbers(strides, cursor));
        }

        throw Malformed(cursor, "a tensor: storage, offset, size and stride");
    }

    private static PickleValue.Tensor Parameter(PickleValue.Tuple arguments, PickleCursor cursor) =>
        arguments.Items.Length is 3 or 4 && arguments.Items[0] is PickleValue.Tensor tensor
            ? tensor
            : throw Malformed(cursor, "a parameter: tensor, requires_grad and hooks");

    private static ImmutableArray<long> Numbers(PickleValue.Tuple tuple, PickleCursor cursor)
    {
        var numbers = ImmutableArray.CreateBuilder<long>(tuple.Items.Length);
        foreach (PickleValue item in tuple.Items)
        {
            numbers.Add(item is PickleValue.Whole { Number: >= 0 } whole ? whole.Number : throw Malformed(cursor, "numbers from 0 on"));
        }

        return numbers.MoveToImmutable();
    }

    private static TensorFileException Malformed(PickleCursor cursor, string expected) =>
        cursor.Broken(TorchRules.PickleIsWellFormed, expected, "other arguments");
}
