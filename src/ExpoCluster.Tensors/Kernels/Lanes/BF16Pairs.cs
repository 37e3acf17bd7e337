using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ExpoCluster.Tensors.Kernels.Elements;

namespace ExpoCluster.Tensors.Kernels.Lanes;

/// <summary>One step over BF16 elements that all three sides have, two of them in each 32-bit word.</summary>
/// <remarks>
/// A shift makes float32 of the lower one and a mask of the upper one, so nothing is widened on the way in or narrowed on the way out:
/// half the instructions of <see cref="Lanes256{T}"/>. The element types are given by the kernel, and are all BF16.
/// </remarks>
internal readonly struct BF16Pairs128 : ILanes<float>
{
    public static int Count => 2 * Vector128<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Merge<TAligned, TBase, TOutput, TOperator>(ref byte aligned, ref byte baseValues, ref byte output, float alpha)
        where TAligned : struct, IElementReader<float>
        where TBase : struct, IElementReader<float>
        where TOutput : struct, IElementWriter<float>
        where TOperator : struct, IMergeOperator<float>
    {
        Vector128<uint> upper = Vector128.Create(BF16Rounding.UpperHalf);
        Vector128<float> factor = Vector128.Create(alpha);
        Vector128<uint> a = Vector128.LoadUnsafe(ref aligned).AsUInt32();
        Vector128<uint> b = Vector128.LoadUnsafe(ref baseValues).AsUInt32();
        Vector128<uint> first = BF16Rounding.RoundBits(TOperator.Invoke((a << 16).AsSingle(), (b << 16).AsSingle(), factor));
        Vector128<uint> second = BF16Rounding.RoundBits(TOperator.Invoke((a & upper).AsSingle(), (b & upper).AsSingle(), factor));
        ((first >>> 16) | (second & upper)).AsByte().StoreUnsafe(ref output);
    }
}

/// <inheritdoc cref="BF16Pairs128"/>
internal readonly struct BF16Pairs256 : ILanes<float>
{
    public static int Count => 2 * Vector256<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Merge<TAligned, TBase, TOutput, TOperator>(ref byte aligned, ref byte baseValues, ref byte output, float alpha)
        where TAligned : struct, IElementReader<float>
        where TBase : struct, IElementReader<float>
        where TOutput : struct, IElementWriter<float>
        where TOperator : struct, IMergeOperator<float>
    {
        Vector256<uint> upper = Vector256.Create(BF16Rounding.UpperHalf);
        Vector256<float> factor = Vector256.Create(alpha);
        Vector256<uint> a = Vector256.LoadUnsafe(ref aligned).AsUInt32();
        Vector256<uint> b = Vector256.LoadUnsafe(ref baseValues).AsUInt32();
        Vector256<uint> first = BF16Rounding.RoundBits(TOperator.Invoke((a << 16).AsSingle(), (b << 16).AsSingle(), factor));
        Vector256<uint> second = BF16Rounding.RoundBits(TOperator.Invoke((a & upper).AsSingle(), (b & upper).AsSingle(), factor));
        ((first >>> 16) | (second & upper)).AsByte().StoreUnsafe(ref output);
    }
}

/// <inheritdoc cref="BF16Pairs128"/>
internal readonly struct BF16Pairs512 : ILanes<float>
{
    public static int Count => 2 * Vector512<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Merge<TAligned, TBase, TOutput, TOperator>(ref byte aligned, ref byte baseValues, ref byte output, float alpha)
        where TAligned : struct, IElementReader<float>
        where TBase : struct, IElementReader<float>
        where TOutput : struct, IElementWriter<float>
        where TOperator : struct, IMergeOperator<float>
    {
        Vector512<uint> upper = Vector512.Create(BF16Rounding.UpperHalf);
        Vector512<float> factor = Vector512.Create(alpha);
        Vector512<uint> a = Vector512.LoadUnsafe(ref aligned).AsUInt32();
        Vector512<uint> b = Vector512.LoadUnsafe(ref baseValues).AsUInt32();
        Vector512<uint> first = BF16Rounding.RoundBits(TOperator.Invoke((a << 16).AsSingle(), (b << 16).AsSingle(), factor));
        Vector512<uint> second = BF16Rounding.RoundBits(TOperator.Invoke((a & upper).AsSingle(), (b & upper).AsSingle(), factor));
        ((first >>> 16) | (second & upper)).AsByte().StoreUnsafe(ref output);
    }
}
