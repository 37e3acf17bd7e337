using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels.Elements;

/// <summary>Loads another dtype as the BF16 model that the paper's script would have loaded.</summary>
internal readonly struct CastToBF16<TElement> : IElementReader<float>
    where TElement : struct, IElementReader<float>
{
    public static int ByteCount => TElement.ByteCount;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Load(ref byte source) => BF16Rounding.Round(TElement.Load(ref source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Load128(ref byte source) => BF16Rounding.Round(TElement.Load128(ref source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load256(ref byte source) => BF16Rounding.Round(TElement.Load256(ref source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load512(ref byte source) => BF16Rounding.Round(TElement.Load512(ref source));
}
