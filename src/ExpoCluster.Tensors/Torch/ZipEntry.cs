namespace ExpoCluster.Tensors.Torch;

/// <summary>One entry of a zip archive, as the archive's directory describes it.</summary>
/// <param name="Name">With the prefix that all entries of a PyTorch archive share.</param>
/// <param name="Flags">General purpose bits.</param>
/// <param name="Crc32">Of the content, as stated.</param>
/// <param name="ByteCount">Of the content, which is stored as it is.</param>
/// <param name="HeaderOffset">Of the local header: bytes from the start of the file.</param>
internal sealed record ZipEntry(string Name, int Flags, uint Crc32, long ByteCount, long HeaderOffset)
{
    /// <summary>The sizes and the checksum follow the content, because the writer did not know them before.</summary>
    public bool HasDescriptor => (Flags & ZipFormat.DescriptorFlag) != 0;
}
