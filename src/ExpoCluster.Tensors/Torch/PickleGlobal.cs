using System.Diagnostics.CodeAnalysis;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Tensors.Torch;

/// <summary>A function or class that a pickle may name; there are no others.</summary>
/// <param name="Name">With its module, as errors say it.</param>
/// <param name="Storage">The elements of a storage class; null for the others.</param>
internal sealed record PickleGlobal(string Name, Dtype? Storage = null)
{
    public static readonly PickleGlobal OrderedDict = new("collections.OrderedDict");
    public static readonly PickleGlobal RebuildTensor = new("torch._utils._rebuild_tensor_v2");
    public static readonly PickleGlobal RebuildParameter = new("torch._utils._rebuild_parameter");

    private static readonly Dictionary<string, PickleGlobal> Allowed = new PickleGlobal[]
    {
        OrderedDict,
        RebuildTensor,
        RebuildParameter,
        new("torch.BFloat16Storage", Dtype.BF16),
        new("torch.HalfStorage", Dtype.F16),
        new("torch.FloatStorage", Dtype.F32),
        new("torch.DoubleStorage", Dtype.F64),
        new("torch.LongStorage", Dtype.I64),
        new("torch.IntStorage", Dtype.I32),
        new("torch.ShortStorage", Dtype.I16),
        new("torch.CharStorage", Dtype.I8),
        new("torch.ByteStorage", Dtype.U8),
        new("torch.BoolStorage", Dtype.Bool),
    }.ToDictionary(global => global.Name, StringComparer.Ordinal);

    /// <summary>The name of the class whose storages hold elements of this dtype; null where PyTorch has none.</summary>
    public static string? StorageNameOf(Dtype dtype) => Allowed.Values.FirstOrDefault(global => global.Storage == dtype)?.Name;

    public static bool TryFind(string module, string name, [NotNullWhen(true)] out PickleGlobal? global) =>
        Allowed.TryGetValue($"{module}.{name}", out global);
}
