namespace ExpoCluster.Tensors.Kernels.Lanes;

/// <summary>A run of BF16 elements, which all three sides have, at one vector width.</summary>
/// <remarks>
/// <para>
/// Vectors hold pairs of elements, 32 bits each, and nothing is widened on the way in or narrowed on the way out: with its lower half
/// masked off, a pair is the float32 of its upper element, and shifted up by a half that of its lower one.
/// </para>
/// <para>
/// A result is rounded by adding half of its word's last bit: the upper half is then the word, if not for results halfway between two
/// words. Those leave nothing in the lower half, and lose the last bit of their word, so that it is even.
/// </para>
/// <para>
/// Each step takes two vectors, and does with both what it does with one before it goes on: so the processor has four operations at
/// a time of which none waits for another.
/// </para>
/// </remarks>
internal interface IBF16Pairs
{
    /// <summary>Elements per step.</summary>
    static abstract int Count { get; }

    /// <summary>Merges a whole number of steps. NaNs are written with the sign and payload that the processor gives them.</summary>
    /// <returns>True if all results are less than 2 in magnitude, as nearly all weights are: then none is NaN.</returns>
    static abstract bool Merge<TRounding>(ref byte aligned, ref byte baseValues, ref byte output, int count, float alpha)
        where TRounding : struct, IIntermediateRounding<float>;
}
