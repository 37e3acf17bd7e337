using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels.Elements;

/// <summary>F64 in the file, float32 in the computation: rounded when loaded, widened when stored.</summary>
internal readonly struct F64AsSingle : IElementReader<float>, IElementWriter<float>
{
    public static int ByteCount => F64Element.ByteCount;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Load(ref byte source) => (float)F64Element.Load(ref source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Load128(ref byte source) =>
        Vector128.Narrow(F64Element.Load128(ref source), F64Element.Load128(ref Unsafe.Add(ref source, 16)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load256(ref byte source) =>
        Vector256.Narrow(F64Element.Load256(ref source), F64Element.Load256(ref Unsafe.Add(ref source, 32)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load512(ref byte source) =>
        Vector512.Narrow(F64Element.Load512(ref source), F64Element.Load512(ref Unsafe.Add(ref source, 64)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float value, ref byte target) => F64Element.Store(value, ref target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store128(Vector128<float> values, ref byte target)
    {
        F64Element.Store128(Vector128.WidenLower(values), ref target);
        F64Element.Store128(Vector128.WidenUpper(values), ref Unsafe.Add(ref target, 16));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store256(Vector256<float> values, ref byte target)
    {
        F64Element.Store256(Vector256.WidenLower(values), ref target);
        F64Element.Store256(Vector256.WidenUpper(values), ref Unsafe.Add(ref target, 32));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store512(Vector512<float> values, ref byte target)
    {
        F64Element.Store512(Vector512.WidenLower(values), ref target);
        F64Element.Store512(Vector512.WidenUpper(values), ref Unsafe.Add(ref target, 64));
    }
}
