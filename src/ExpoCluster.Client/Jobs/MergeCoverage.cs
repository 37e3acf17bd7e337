namespace ExpoCluster.Client.Jobs;

/// <summary>What is computed of an output.</summary>
/// <param name="Bytes">Floating-point bytes.</param>
/// <param name="Share">Of all floating-point bytes of the output, 0 to 1.</param>
public sealed record MergedBytes(long Bytes, double Share);

/// <summary>What is copied from aligned.</summary>
/// <param name="Bytes">Floating-point bytes.</param>
/// <param name="Share">Of all floating-point bytes of the output, 0 to 1.</param>
/// <param name="Tensors">Floating-point tensors, whole or in part.</param>
/// <param name="Kinds">The largest kinds of these.</param>
/// <param name="OtherBytes">Bytes of integers, booleans and the like, which are never computed.</param>
/// <param name="OtherTensors">How many tensors these are.</param>
public sealed record CopiedBytes(long Bytes, double Share, int Tensors, IReadOnlyList<CopiedTensors> Kinds, long OtherBytes, int OtherTensors);

/// <summary>Copied tensors of one pattern.</summary>
/// <param name="Pattern">Their name, with a star for each number.</param>
/// <param name="Tensors">How many they are.</param>
/// <param name="Bytes">Floating-point bytes that are copied.</param>
public sealed record CopiedTensors(string Pattern, int Tensors, long Bytes);

/// <summary>What speaks against a merge, though it can be done.</summary>
/// <param name="Code">Always the same for the same kind, for example <c>EXPO1222</c>.</param>
/// <param name="Message">What, where, and what it would mean.</param>
public sealed record MergeWarning(string Code, string Message);
