using System.Diagnostics.CodeAnalysis;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Tensors.Torch;

/// <summary>A function, class or dtype that a pickle may name; there are no others.</summary>
/// <param name="Name">With its module, as errors say it.</param>
/// <param name="Storage">The elements of a storage class; null for the others.</param>
/// <param name="Dtype">What a dtype means; null for the others.</param>
internal sealed record PickleGlobal(string Name, ElementType? Storage = null, ElementType? Dtype = null)
{
    public static readonly PickleGlobal OrderedDict = new("collections.OrderedDict");
    public static readonly PickleGlobal RebuildTensorV1 = new("torch._utils._rebuild_tensor");
    public static readonly PickleGlobal RebuildTensor = new("torch._utils._rebuild_tensor_v2");
    public static readonly PickleGlobal RebuildTensorV3 = new("torch._utils._rebuild_tensor_v3");
    public static readonly PickleGlobal RebuildParameter = new("torch._utils._rebuild_parameter");
    public static readonly PickleGlobal RebuildParameterWithState = new("torch._utils._rebuild_parameter_with_state");
    public static readonly PickleGlobal Size = new("torch.Size");
    public static readonly PickleGlobal Device = new("torch.device");

    /// <summary>Its storages hold bytes, whose meaning the tensors tell.</summary>
    public static readonly PickleGlobal UntypedStorage = new("torch.storage.UntypedStorage");

    private static readonly (string Storage, string Element, Dtype? Dtype)[] Storages =
    [
        ("BFloat16Storage", "bfloat16", Dtypes.Dtype.BF16),
        ("HalfStorage", "float16", Dtypes.Dtype.F16),
        ("FloatStorage", "float32", Dtypes.Dtype.F32),
        ("DoubleStorage", "float64", Dtypes.Dtype.F64),
        ("LongStorage", "int64", Dtypes.Dtype.I64),
        ("IntStorage", "int32", Dtypes.Dtype.I32),
        ("ShortStorage", "int16", Dtypes.Dtype.I16),
        ("CharStorage", "int8", Dtypes.Dtype.I8),
        ("ByteStorage", "uint8", Dtypes.Dtype.U8),
        ("BoolStorage", "bool", Dtypes.Dtype.Bool),
        ("ComplexFloatStorage", "complex64", Dtypes.Dtype.C64),
        ("ComplexDoubleStorage", "complex128", null),
        ("QInt8Storage", "qint8", null),
        ("QUInt8Storage", "quint8", null),
        ("QInt32Storage", "qint32", null),
        ("QUInt4x2Storage", "quint4x2", null),
        ("QUInt2x4Storage", "quint2x4", null),
    ];

    // Those that have no storage class.
    private static readonly (string Element, Dtype? Dtype)[] Elements =
    [
        ("float8_e4m3fn", Dtypes.Dtype.F8E4M3),
        ("float8_e5m2", Dtypes.Dtype.F8E5M2),
        ("float8_e4m3fnuz", Dtypes.Dtype.F8E4M3Fnuz),
        ("float8_e5m2fnuz", Dtypes.Dtype.F8E5M2Fnuz),
        ("float8_e8m0fnu", Dtypes.Dtype.F8E8M0),
        ("uint16", Dtypes.Dtype.U16),
        ("uint32", Dtypes.Dtype.U32),
        ("uint64", Dtypes.Dtype.U64),
        ("complex32", null),
        ("float4_e2m1fn_x2", null),
        ("bits8", null),
        ("bits16", null),
        ("bits1x8", null),
        ("bits2x4", null),
        ("bits4x2", null),
    ];

    private static readonly Dictionary<string, string> Unread = new(StringComparer.Ordinal)
    {
        ["torch._utils._rebuild_sparse_tensor"] = "a sparse tensor",
        ["torch._utils._rebuild_sparse_csr_tensor"] = "a sparse tensor",
        ["torch._utils._rebuild_nested_tensor"] = "a nested tensor",
        ["torch._utils._rebuild_qtensor"] = "a quantised tensor",
        ["torch._utils._rebuild_meta_tensor_no_storage"] = "a tensor without values (on the device 'meta')",
        ["torch._utils._rebuild_wrapper_subclass"] = "a tensor of a class of its own",
        ["torch._utils._rebuild_device_tensor_from_numpy"] = "a tensor that is kept as an array of NumPy",
        ["torch._utils._rebuild_device_tensor_from_cpu_tensor"] = "a tensor of another device",
        ["torch._tensor._rebuild_from_type_v2"] = "a tensor of a class of its own",
    };

    private static readonly Dictionary<string, PickleGlobal> Allowed = new PickleGlobal[]
    {
        OrderedDict,
        RebuildTensorV1,
        RebuildTensor,
        RebuildTensorV3,
        RebuildParameter,
        RebuildParameterWithState,
        Size,
        Device,
        UntypedStorage,
    }
    .Concat(Storages.Select(row => new PickleGlobal("torch." + row.Storage, Storage: new ElementType(row.Element, row.Dtype))))
    .Concat(Storages.Select(row => new PickleGlobal("torch." + row.Element, Dtype: new ElementType(row.Element, row.Dtype))))
    .Concat(Elements.Select(row => new PickleGlobal("torch." + row.Element, Dtype: new ElementType(row.Element, row.Dtype))))
    .ToDictionary(global => global.Name, StringComparer.Ordinal);

    /// <summary>The name of the class whose storages hold elements of this dtype; null where PyTorch has none.</summary>
    public static string? StorageNameOf(Dtype dtype) => Allowed.Values.FirstOrDefault(global => global.Storage?.Dtype == dtype)?.Name;

    public static bool TryFind(string module, string name, [NotNullWhen(true)] out PickleGlobal? global) =>
        Allowed.TryGetValue($"{module}.{name}", out global);

    /// <summary>What a function that is not allowed would make, where it is known and harmless; null for all others.</summary>
    public static string? UnreadKind(string module, string name) => Unread.GetValueOrDefault($"{module}.{name}");
}
