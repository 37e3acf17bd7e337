namespace ExpoCluster.Tensors.Dtypes;

/// <summary>What is known of each <see cref="Dtype"/>: its name on disk, its width, and whether it is extrapolated.</summary>
public static class DtypeFacts
{
    private static readonly (string Name, int Bits)[] Facts =
    [
        ("BOOL", 8), ("F4", 4), ("F6_E2M3", 6), ("F6_E3M2", 6), ("U8", 8), ("I8", 8), ("F8_E5M2", 8), ("F8_E4M3", 8),
        ("F8_E8M0", 8), ("F8_E4M3FNUZ", 8), ("F8_E5M2FNUZ", 8), ("I16", 16), ("U16", 16), ("F16", 16), ("BF16", 16),
        ("I32", 32), ("U32", 32), ("F32", 32), ("C64", 64), ("F64", 64), ("I64", 64), ("U64", 64),
    ];

    private static readonly Dictionary<string, Dtype> ByName =
        Enum.GetValues<Dtype>().ToDictionary(dtype => dtype.Name(), StringComparer.Ordinal);

    /// <summary>The format's own spelling, for example <c>F8_E4M3</c>.</summary>
    public static string Name(this Dtype dtype) => Facts[(int)dtype].Name;

    /// <summary>Bits of one element: 4, 6, 8, 16, 32 or 64.</summary>
    public static int Bits(this Dtype dtype) => Facts[(int)dtype].Bits;

    /// <summary>True for the dtypes that merge methods compute on: BF16, F16, F32 and F64. All others are copied.</summary>
    public static bool IsArithmetic(this Dtype dtype) =>
        dtype is Dtype.BF16 or Dtype.F16 or Dtype.F32 or Dtype.F64;

    /// <summary>Finds a dtype by its exact name on disk; the format knows no other spelling.</summary>
    public static bool TryParse(string name, out Dtype dtype) => ByName.TryGetValue(name, out dtype);
}
