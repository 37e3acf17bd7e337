namespace ExpoCluster.Tensors.Kernels.Elements;

/// <summary>How one dtype lies in a file.</summary>
internal interface IElement
{
    /// <summary>Bytes of one element in the file.</summary>
    static abstract int ByteCount { get; }
}
