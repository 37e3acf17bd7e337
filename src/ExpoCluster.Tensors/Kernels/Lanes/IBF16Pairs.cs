namespace ExpoCluster.Tensors.Kernels.Lanes;

/// <summary>A run of BF16 elements, which all three sides have, at one vector width; as long as no result is NaN.</summary>
/// <remarks>
/// Vectors hold 32-bit words of two elements, and nothing is widened on the way in or narrowed on the way out: with the lower half
/// masked off, a word is the float32 of its upper element, and the word that begins two bytes earlier that of its lower one.
/// Each step takes two vectors, and does with both what it does with one before it goes on: so the processor has four operations at
/// a time of which none waits for another.
/// </remarks>
internal interface IBF16Pairs
{
    /// <summary>Elements per step.</summary>
    static abstract int Count { get; }

    /// <summary>Merges a whole number of steps. The element before the first of aligned and of base is read as well.</summary>
    /// <returns>False if a result is NaN: then the output is not what it should be.</returns>
    static abstract bool TryMerge<TRounding>(ref byte aligned, ref byte baseValues, ref byte output, int count, float alpha)
        where TRounding : struct, IIntermediateRounding<float>;
}
