namespace ExpoCluster.Tensors.Kernels.Lanes;

/// <summary>A run of 16-bit elements, whose dtype all three sides have, at one vector width.</summary>
/// <remarks>
/// Vectors hold pairs of elements, 32 bits each. The upper elements are computed in one vector of float32 and the lower ones in
/// another, so that elements need not be moved between lanes.
/// </remarks>
internal interface IPairs
{
    /// <summary>Elements per step.</summary>
    static abstract int Count { get; }

    /// <summary>Merges a whole number of steps.</summary>
    /// <returns>False if there is an element that this way does not treat as it should; then the output means nothing.</returns>
    static abstract bool TryMerge<TRounding>(ref byte aligned, ref byte baseValues, ref byte output, int count, float alpha)
        where TRounding : struct, IIntermediateRounding<float>;
}
