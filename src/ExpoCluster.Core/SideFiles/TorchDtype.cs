using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.SideFiles;

/// <summary>Dtypes as configurations spell them: PyTorch's names.</summary>
internal static class TorchDtype
{
    public const string Prefix = "torch.";

    public static string Name(Dtype dtype) => dtype switch
    {
        Dtype.BF16 => "bfloat16",
        Dtype.F16 => "float16",
        Dtype.F32 => "float32",
        Dtype.F64 => "float64",
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "Only arithmetic dtypes are a model's."),
    };

    /// <summary>The dtype that a text names, with or without <see cref="Prefix"/>; null for any other text.</summary>
    public static Dtype? Parse(string? text) =>
        (text?.StartsWith(Prefix, StringComparison.Ordinal) == true ? text[Prefix.Length..] : text) switch
        {
            "bfloat16" => Dtype.BF16,
            "float16" or "half" => Dtype.F16,
            "float32" or "float" => Dtype.F32,
            "float64" or "double" => Dtype.F64,
            _ => null,
        };
}
