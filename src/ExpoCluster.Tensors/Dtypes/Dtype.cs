namespace ExpoCluster.Tensors.Dtypes;

/// <summary>The element types of the safetensors format, in the order in which its writer ranks alignment.</summary>
/// <remarks>
/// The numeric value is that rank: the canonical writer sorts tensors by it descending, then by name.
/// The names on disk are those of <see cref="DtypeFacts.Name"/>.
/// </remarks>
public enum Dtype : byte
{
    Bool,
    F4,
    F6E2M3,
    F6E3M2,
    U8,
    I8,
    F8E5M2,
    F8E4M3,
    F8E8M0,
    F8E4M3Fnuz,
    F8E5M2Fnuz,
    I16,
    U16,
    F16,
    BF16,
    I32,
    U32,
    F32,
    C64,
    F64,
    I64,
    U64,
}
